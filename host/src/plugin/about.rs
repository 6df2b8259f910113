//! What a component's file says before anything of it runs: who made it, and what it wants from the beginning.

use wasmparser::{KnownCustom, Parser, Payload};

use super::imports::names_interpreter;
use super::limits::Limits;
use super::said;

/// Characters of a name or version that are shown.
const MOST: usize = 80;
/// Producers that are shown.
const PRODUCERS: usize = 40;
const PAGE: u64 = 65_536;

/// What can be read off a component's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Languages and tools, as the file itself says; nobody has checked it.
    pub producers: Vec<Producer>,
    /// Bytes of memory that its modules begin with.
    pub memory_floor: u64,
    /// Elements of tables that its modules begin with.
    pub table_floor: u64,
    /// Whether it carries line numbers for backtraces.
    pub has_lines: bool,
    /// Whether an interpreter is in it whose C library imports more than it uses.
    pub(super) is_interpreter: bool,
}

/// A language or tool that a component says it was made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version, in its own words.
    pub version: String,
}

impl About {
    /// Reads as much as can be read; what is damaged is left to the compiler to tell.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut about = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let Ok(payload) = payload else { break };
            about.note(payload);
        }
        about
    }

    fn note(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::MemorySection(memories) => {
                for memory in memories.into_iter().flatten() {
                    let page = memory.page_size_log2.map_or(PAGE, |log2| 1u64.checked_shl(log2).unwrap_or(PAGE));
                    self.memory_floor = self.memory_floor.saturating_add(memory.initial.saturating_mul(page));
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.into_iter().flatten() {
                    self.table_floor = self.table_floor.saturating_add(table.ty.initial);
                }
            }
            Payload::ExportSection(exports) => {
                self.is_interpreter |= exports.into_iter().flatten().any(|export| names_interpreter(export.name));
            }
            Payload::CustomSection(custom) => {
                self.has_lines |= custom.name() == ".debug_line";
                if let KnownCustom::Producers(fields) = custom.as_known() {
                    self.note_producers(fields);
                }
            }
            _ => {}
        }
    }

    fn note_producers(&mut self, fields: wasmparser::ProducersSectionReader<'_>) {
        for field in fields.into_iter().flatten() {
            for made in field.values.into_iter().flatten() {
                let shown = |text: &str| said::line(text, MOST);
                let producer = Producer { role: shown(field.name), name: shown(made.name), version: shown(made.version) };
                if self.producers.len() < PRODUCERS && !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
    }

    /// Which limit it passes from the beginning.
    pub(super) fn too_much(&self, limits: &Limits) -> Option<String> {
        if self.memory_floor > limits.memory_bytes as u64 {
            let (wants, has) = (self.memory_floor >> 20, limits.memory_bytes >> 20);
            return Some(format!(
                "begins with {wants} MiB of memory, and the limit of an instance is {has} MiB (--limit memory)"
            ));
        }
        if self.table_floor > limits.table_elements as u64 {
            let (wants, has) = (self.table_floor, limits.table_elements);
            return Some(format!(
                "begins with tables of {wants} elements, and the limit of an instance is {has} (--limit table-elements)"
            ));
        }
        None
    }
}
