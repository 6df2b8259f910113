//! Logs in the way that `how` names.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, _: &mut Actions) -> Result<()> {
    match item.text("how")?.to_owned().as_str() {
        "levels" => {
            log::debug("for who looks closely");
            log::info("for all");
            log::warn("for who worries");
            log::error("for who must act");
        }
        "printed" => println!("printed"),
        "to the error stream" => eprintln!("to the error stream"),
        "mixed" => {
            log::info("first");
            println!("second");
            log::info("third");
        }
        "of two lines" => log::info("one\ntwo"),
        "empty" => log::info(""),
        "wide" => log::info("🦆 é \u{1b}[2J"),
        "before an error" => {
            log::warn("this looks bad");
            bail!("it is bad");
        }
        "values" => log::info(format_args!("{} of {}", 7, Number::parse("1.50")?)),
        "without an end" => print!("no line's end"),
        _ => {}
    }
    Ok(())
}
