//! Earthquakes, one GeoJSON feature an item, flattened: exact coordinates by name, times that people can read, lists for
//! texts with commas, and no NULLs.
//!
//! Nothing is kept for the undo: all of the new form can be turned back into the old one.

use drift_sdk::prelude::*;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An item in its old form. Anything else in it would be lost, so it is an error.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feature {
    id: String,
    #[serde(rename = "type")]
    kind: FeatureKind,
    properties: Map,
    geometry: Geometry,
}

#[derive(Serialize, Deserialize)]
enum FeatureKind {
    Feature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Geometry {
    #[serde(rename = "type")]
    kind: GeometryKind,
    /// Longitude, latitude, depth.
    coordinates: (Number, Number, Number),
}

#[derive(Serialize, Deserialize)]
enum GeometryKind {
    Point,
}

/// Degrees, and kilometres below the surface.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    longitude: Number,
    latitude: Number,
    depth_km: Number,
}

/// The properties that have another name in the new form.
const RENAMED: [(&str, &str); 3] = [("mag", "magnitude"), ("magType", "magnitude_type"), ("type", "kind")];
/// Milliseconds since 1970.
const TIMES: [&str; 2] = ["time", "updated"];
/// `,us,ci,`
const LISTS: [&str; 3] = ["ids", "sources", "types"];
/// NULL in the old form where there is nothing to say, absent in the new one.
const NULLABLE: [&str; 8] = ["alert", "cdi", "dmin", "felt", "gap", "mmi", "nst", "rms"];

#[migration(
    number = 20261103,
    name = "quakes",
    summary = "GeoJSON features flattened: named coordinates, readable times, lists, no NULLs",
    repeatable,
    undo = restore
)]
pub fn flatten(quake: &mut Item) -> Result<()> {
    if !quake.contains("properties") {
        return Ok(());
    }
    let Feature { id, properties: mut flat, geometry, .. } = quake.to()?;
    for taken in ["id", "position"] {
        if flat.contains(taken) {
            bail!("there is a property {taken:?}, which has another meaning in the new form");
        }
    }
    for name in NULLABLE {
        if flat.get(name).is_some_and(Value::is_null) {
            flat.remove(name);
        } else if !flat.contains(name) {
            bail!("the property {name:?} is missing; undo could not tell that from NULL");
        }
    }
    for name in TIMES {
        let time = Timestamp::from_millisecond(flat.read(name)?)?;
        flat.set(name, time.to_string());
    }
    for name in LISTS {
        let list = list(flat.text(name)?).ok_or_else(|| Error::new(format_args!("{name:?} is not written ,a,b,")))?;
        flat.set(name, list);
    }
    let tsunami = match flat.read("tsunami")? {
        0 => false,
        1 => true,
        other => bail!("\"tsunami\" is {other}, and should be 0 or 1"),
    };
    flat.set("tsunami", tsunami);
    for (old, new) in RENAMED {
        flat.rename(old, new)?;
    }
    let (longitude, latitude, depth_km) = geometry.coordinates;
    flat.set("position", Item::of(&Position { longitude, latitude, depth_km })?);
    flat.set("id", id);
    *quake = flat;
    Ok(())
}

pub fn restore(quake: &mut Item) -> Result<()> {
    if !quake.contains("position") {
        return Ok(());
    }
    let mut properties = quake.clone();
    let id = quake.text("id")?.to_owned();
    let Position { longitude, latitude, depth_km } = quake.read("position")?;
    for name in ["id", "position"] {
        properties.remove(name);
    }
    for (old, new) in RENAMED {
        properties.rename(new, old)?;
    }
    properties.set("tsunami", u8::from(quake.boolean("tsunami")?));
    for name in LISTS {
        let words: Vec<&str> = quake.read(name)?;
        properties.set(name, format!(",{},", words.join(",")));
    }
    for name in TIMES {
        let time: Timestamp = quake.text(name)?.parse()?;
        properties.set(name, time.as_millisecond());
    }
    for name in NULLABLE.into_iter().filter(|name| !quake.contains(name)) {
        properties.set(name, Value::Null);
    }
    let geometry = Geometry { kind: GeometryKind::Point, coordinates: (longitude, latitude, depth_km) };
    *quake = Item::of(&Feature { id, kind: FeatureKind::Feature, properties, geometry })?;
    Ok(())
}

fn list(text: &str) -> Option<Value> {
    let words = text.strip_prefix(',')?.strip_suffix(',')?.split(',');
    words.map(|word| (!word.is_empty()).then(|| Value::from(word))).collect::<Option<Vec<Value>>>().map(Value::L)
}

#[cfg(test)]
mod tests {
    use super::*;
    use drift_sdk::testing;

    fn every_quake() -> Vec<Item> {
        testing::items(include_str!("../../../data/earthquakes.jsonl")).unwrap()
    }

    #[test]
    fn a_feature_becomes_a_flat_item() {
        let quakes = every_quake();
        let castaic = testing::migrate(&MIGRATION, &quakes[0]).unwrap().item.unwrap();
        let expected = testing::item(
            r#"{"id": "ci37868143", "magnitude": 2, "magnitude_type": "ml", "kind": "earthquake", "place": "4km W of Castaic, CA",
                "title": "M 2.0 - 4km W of Castaic, CA", "time": "2018-02-07T01:26:13.84Z", "updated": "2018-02-07T01:29:56.303Z", "tz": -480,
                "position": {"longitude": -118.6671667, "latitude": 34.4945, "depth_km": 26.49}, "status": "automatic", "tsunami": false,
                "sig": 62, "net": "ci", "code": "37868143", "ids": ["ci37868143"], "sources": ["ci"],
                "types": ["geoserve", "nearby-cities", "origin", "phase-data", "scitech-link"], "nst": 7, "dmin": 0.04214, "rms": 0.35,
                "gap": 174, "url": "https://earthquake.usgs.gov/earthquakes/eventpage/ci37868143",
                "detail": "https://earthquake.usgs.gov/earthquakes/feed/v1.0/detail/ci37868143.geojson"}"#,
        );
        assert_eq!(castaic, expected.unwrap());
    }

    #[test]
    fn every_earthquake_comes_back_exactly_and_is_flattened_once() {
        let quakes = every_quake();
        assert_eq!(quakes.len(), 1_707);
        for quake in &quakes {
            testing::check_undo(&MIGRATION, quake).unwrap();
            testing::check_repeatable(&MIGRATION, quake).unwrap();
        }
    }

    #[test]
    fn what_could_not_come_back_is_refused_by_name() {
        let refused = |change: fn(&mut Item)| {
            let mut quake = every_quake().swap_remove(0);
            change(&mut quake);
            testing::migrate(&MIGRATION, &quake).unwrap_err().to_string()
        };
        assert!(refused(|quake| drop(quake.set("note", "x"))).contains("unknown field `note`"));
        assert!(refused(|quake| drop(quake.remove_at(path!["properties", "felt"]))).contains("\"felt\" is missing"));
        assert!(
            refused(|quake| quake.set_at(path!["properties", "ids"], "ci37868143").unwrap())
                .contains("\"ids\" is not written ,a,b,")
        );
        assert!(refused(|quake| quake.set_at(path!["properties", "tsunami"], 2).unwrap()).contains("\"tsunami\" is 2"));
        assert_eq!(
            refused(|quake| quake.set_at(path!["geometry", "coordinates", 1], "north").unwrap()),
            r#"at "geometry", "coordinates", 1: expected a number (N), found the string (S) "north""#
        );
    }
}
