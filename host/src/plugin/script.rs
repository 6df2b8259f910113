//! Migrations that are one file of JavaScript: a component that was built beforehand, QuickJS with the SDK, takes the text.
//!
//! A script travels as that component with the text in a custom section at its end, so that whoever keeps a component (a
//! run's journal, a file that `build` made) keeps all of it. Its digest is that of the text: the same file is the same
//! migration. Only the very component that is packed into this program counts as the runtime: another one that carries a
//! text is a component like any other, with a digest of its own, and nobody answers its question for a text.

mod module;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmparser::{BinaryReader, Parser, Payload};
use wasmtime::component::Linker;

use super::instance::State;

/// Made by `guest-sdk/js/runtime/build.sh`.
static RUNTIME: &[u8] = include_bytes!("runtime/javascript.wasm");
/// What the runtime imports, and no other component may.
pub(super) const SOURCE: &str = "drift:script/source@0.1.0";
/// The same without its version.
pub(super) const INTERFACE: &str = "drift:script/source@";
/// The custom section of the text.
const SECTION: &str = "drift:script";

/// An author's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// Its name, for messages.
    pub(super) name: Arc<str>,
    pub(super) text: Arc<str>,
}

impl Script {
    /// The same with its text as the runtime takes it. The error is the author's: a form that a file by itself cannot have.
    pub(super) fn as_function(&self) -> Result<Self, String> {
        Ok(Self { name: self.name.clone(), text: module::body(&self.name, &self.text)?.into() })
    }
}

/// The component of a file of JavaScript; `name` is for messages.
pub fn component(name: &str, text: &str) -> Vec<u8> {
    let mut content = Vec::new();
    for part in [SECTION, name] {
        leb128(&mut content, part.len());
        content.extend(part.as_bytes());
    }
    content.extend(text.as_bytes());
    let mut component = RUNTIME.to_vec();
    component.push(0);
    leb128(&mut component, content.len());
    component.extend(content);
    component
}

/// The script, if these bytes are the runtime with a text and nothing else.
pub(super) fn of(component: &[u8]) -> Option<Script> {
    let section = component.strip_prefix(RUNTIME)?.strip_prefix(&[0])?;
    let mut reader = BinaryReader::new(section, 0);
    let length = reader.read_var_u32().ok()?;
    if reader.bytes_remaining() != length as usize || reader.read_string().ok()? != SECTION {
        return None;
    }
    let name = reader.read_string().ok()?.into();
    let text = std::str::from_utf8(reader.read_bytes(reader.bytes_remaining()).ok()?).ok()?.into();
    Some(Script { name, text })
}

/// The digests of the runtime in these bytes and of the one here, shortened, if they differ. For messages: nothing is believed by it.
pub(super) fn differs(component: &[u8]) -> Option<(String, String)> {
    let texts = Parser::new(0).parse_all(component).map_while(Result::ok).filter_map(|payload| match payload {
        Payload::CustomSection(custom) if custom.name() == SECTION => Some(custom.range()),
        _ => None,
    });
    let header = |length: usize| {
        let mut header = vec![0];
        leb128(&mut header, length);
        header.len()
    };
    // What stands before the text; without one, all of it.
    let end = texts.last().map_or(component.len(), |text| text.start.saturating_sub(header(text.len())));
    let runtime = component.get(..end).unwrap_or(component);
    let short = |bytes: &[u8]| Sha256::digest(bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>();
    (runtime != RUNTIME).then(|| (short(runtime), short(RUNTIME)))
}

/// The runtime's bytes.
pub(super) fn runtime() -> Vec<u8> {
    RUNTIME.to_vec()
}

/// Lets the runtime ask for the text, and for random numbers of the item at hand.
pub(super) fn link(linker: &mut Linker<State>, script: &Script) -> wasmtime::Result<()> {
    let mut source = linker.instance(SOURCE)?;
    for (name, answer) in [("text", script.text.clone()), ("name", script.name.clone())] {
        source.func_wrap(name, move |_, (): ()| Ok((answer.to_string(),)))?;
    }
    // The engine's own generator is seeded when the runtime is built: what it draws would be the same for every item.
    source.func_wrap("random", |mut store, ()| Ok((store.data_mut().wasi.fraction(),)))?;
    Ok(())
}

fn leb128(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        out.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_taken_out_as_it_was_put_in() {
        for text in ["", "export default {}", &"ä\n".repeat(100_000)] {
            let script = of(&component("häße.js", text)).unwrap();
            assert_eq!((&*script.name, &*script.text), ("häße.js", text));
        }
    }

    #[test]
    fn only_the_runtime_with_one_text_is_a_script() {
        let good = component("a.js", "x");
        assert!(of(RUNTIME).is_none());
        assert!(of(&good[..good.len() - 1]).is_none(), "cut off");
        assert!(of(&[good.clone(), vec![0, 1, 0]].concat()).is_none(), "more behind it");
        let mut other = good.clone();
        other[RUNTIME.len() / 2] ^= 1;
        assert!(of(&other).is_none(), "another runtime");
        assert!(differs(&good).is_none() && differs(RUNTIME).is_none());
        let (found, packed) = differs(&other).unwrap();
        assert!(found != packed && found.len() == 12);
        let bad_name = component("a.js", "x").iter().map(|byte| if *byte == b'x' { 0xff } else { *byte }).collect::<Vec<_>>();
        assert!(of(&bad_name).is_none());
    }
}
