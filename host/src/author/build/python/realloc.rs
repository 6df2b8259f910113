//! A leak of componentize-py's, mended in what it made.
//!
//! Its `cabi_realloc` (0.25.1) allocates for a list of nothing as for any other, some 24 bytes with this allocator, and its glue frees only
//! what has a size: an instance grew with every empty list that went in or out, and each flat item has one. The canonical ABI
//! wants no memory for nothing, any aligned address will do. The function is written anew in its own place: not a byte of
//! the component moves. What is not exactly that function is left as it is.

use std::ops::Range;

use wasmparser::{BinaryReaderError, ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef};

/// Mends the component. Says whether there was anything to mend.
pub(super) fn mend(component: &mut [u8]) -> bool {
    let Ok(Some(found)) = find(component) else { return false };
    let Some(body) = component.get_mut(found.code.clone()) else { return false };
    let mut better = Vec::with_capacity(body.len());
    // Neither argument is ever anything but null here: there is nothing to grow.
    better.extend([0x20, 0, 0x20, 1, 0x72, 0x04, 0x40, 0x00, 0x0b]); // if (local 0 | local 1) unreachable
    better.extend([0x20, 3, 0x04, 0x7f, 0x20, 3, 0x20, 2]); // if local 3 (result i32) local 3, local 2
    better.extend(&found.allocate);
    better.extend([0x05, 0x20, 2, 0x0b]); // else local 2
    if better.len() >= body.len() {
        return false;
    }
    better.resize(body.len() - 1, 0x01);
    better.push(0x0b);
    body.copy_from_slice(&better);
    true
}

/// The function, in the bytes of the component.
struct Found {
    /// Its instructions, the last `end` included.
    code: Range<usize>,
    /// The call of the allocator.
    allocate: Vec<u8>,
}

fn find(component: &[u8]) -> Result<Option<Found>, BinaryReaderError> {
    // Of the core module at hand; a component's modules come one after the other.
    let (mut imported, mut exported, mut body) = (0, None, 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } => (imported, exported, body) = (0, None, 0),
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.name == "cabi_realloc" && export.kind == ExternalKind::Func {
                        exported = Some(export.index);
                    }
                }
            }
            Payload::CodeSectionEntry(function) => {
                if exported == Some(imported + body)
                    && let Some(found) = recognise(&function, component)?
                {
                    return Ok(Some(found));
                }
                body += 1;
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The function that allocates whatever the size, and only it.
fn recognise(function: &FunctionBody<'_>, component: &[u8]) -> Result<Option<Found>, BinaryReaderError> {
    let mut reader = function.get_operators_reader()?;
    let start = reader.original_position();
    let mut said = Vec::new();
    let mut calls = Vec::new();
    loop {
        let at = reader.original_position();
        match reader.read()? {
            Operator::Return => break,
            Operator::End => return Ok(None),
            operator @ Operator::Call { .. } => {
                calls.push(at..reader.original_position());
                said.push(word(&operator));
            }
            operator => said.push(word(&operator)),
        }
    }
    let allocate = calls.last().and_then(|call| component.get(call.clone()));
    let known = said.iter().map(String::as_str).eq(KNOWN);
    Ok(allocate.filter(|_| known).map(|allocate| Found { code: start..function.range().end, allocate: allocate.to_vec() }))
}

/// What is compared of an instruction: what is called, and which global it is, is the linker's.
fn word(operator: &Operator<'_>) -> String {
    match operator {
        Operator::GlobalGet { .. } => "global.get".into(),
        Operator::GlobalSet { .. } => "global.set".into(),
        Operator::LocalGet { local_index } => format!("local.get {local_index}"),
        Operator::LocalSet { local_index } => format!("local.set {local_index}"),
        Operator::LocalTee { local_index } => format!("local.tee {local_index}"),
        Operator::I32Const { value } => format!("i32.const {value}"),
        Operator::Block { .. } => "block".into(),
        Operator::BrIf { relative_depth } => format!("br_if {relative_depth}"),
        Operator::I32Sub => "i32.sub".into(),
        Operator::I32Add => "i32.add".into(),
        Operator::I32Popcnt => "i32.popcnt".into(),
        Operator::I32Ne => "i32.ne".into(),
        Operator::I32GtU => "i32.gt_u".into(),
        Operator::Call { .. } => "call".into(),
        _ => "another".into(),
    }
}

/// Up to its first `return`.
#[rustfmt::skip]
const KNOWN: [&str; 33] = [
    "global.get", "i32.const 16", "i32.sub", "local.tee 4", "global.set", "block", "block", "block",
    "local.get 0", "br_if 0", "local.get 1", "br_if 1",
    "local.get 2", "i32.popcnt", "i32.const 1", "i32.ne", "br_if 2",
    "local.get 3", "i32.const -2147483648", "local.get 2", "i32.sub", "i32.gt_u", "br_if 2",
    "call", "local.get 3", "local.get 2", "call", "local.set 2",
    "local.get 4", "i32.const 16", "i32.add", "global.set", "local.get 2",
];

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, Instance, Module, Store};

    use super::*;

    /// As componentize-py has it, with an allocator that counts.
    const AS_MADE: &str = r#"(module
        (global $sp (mut i32) (i32.const 1024))
        (global $asked (export "asked") (mut i32) (i32.const 0))
        (func $prepared)
        (func $allocate (param i32 i32) (result i32)
            (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
            (i32.add (i32.const 4096) (local.get 0)))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local i32)
            global.get $sp  i32.const 16  i32.sub  local.tee 4  global.set $sp
            block block block
                local.get 0  br_if 0  local.get 1  br_if 1
                local.get 2  i32.popcnt  i32.const 1  i32.ne  br_if 2
                local.get 3  i32.const -2147483648  local.get 2  i32.sub  i32.gt_u  br_if 2
                call $prepared  local.get 3  local.get 2  call $allocate  local.set 2
                local.get 4  i32.const 16  i32.add  global.set $sp  local.get 2  return
            end unreachable end unreachable end unreachable))"#;

    /// The address given for so many bytes aligned to eight, and how often the allocator was asked.
    fn asked(module: &[u8], bytes: i32) -> (i32, i32) {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &Module::new(&engine, module).unwrap(), &[]).unwrap();
        let realloc = instance.get_typed_func::<(i32, i32, i32, i32), i32>(&mut store, "cabi_realloc").unwrap();
        let address = realloc.call(&mut store, (0, 0, 8, bytes)).unwrap();
        let asked = instance.get_global(&mut store, "asked").unwrap();
        (address, asked.get(&mut store).unwrap_i32())
    }

    #[test]
    fn nothing_is_allocated_for_nothing() {
        let mut module = wat::parse_str(AS_MADE).unwrap();
        assert_eq!(asked(&module, 0), (4096, 1));
        let length = module.len();
        assert!(mend(&mut module));
        assert_eq!(module.len(), length);
        assert_eq!(asked(&module, 0), (8, 0));
        assert_eq!(asked(&module, 5), (4101, 1));
        assert!(!mend(&mut module), "there is nothing left to mend");
    }

    #[test]
    fn what_is_another_function_is_left_alone() {
        for module in
            [AS_MADE.replace("local.get 3  i32.const -2147483648", "local.get 3  i32.const -2147483647"), "(module)".into()]
        {
            let made = wat::parse_str(module).unwrap();
            let mut mended = made.clone();
            assert!(!mend(&mut mended));
            assert_eq!(mended, made);
        }
    }
}
