//! Puts in as many lists, or maps, within each other as `how` says.

use drift_sdk::prelude::*;

pub fn migrate(item: &mut Item, _: &mut Actions) -> Result<()> {
    let how = item.text("how")?;
    let (maps, levels) = how.strip_prefix("maps ").map_or((false, how), |levels| (true, levels));
    let levels: u32 = levels.parse()?;
    let value =
        (0..levels).fold(Value::Null, |inner, _| if maps { item! { "a" => inner }.into() } else { Value::L(vec![inner]) });
    item.set("v", value);
    Ok(())
}
