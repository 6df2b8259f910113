//! The published shapes of what machines read, `docs/schema/v1`, held against real documents.
//!
//! A checker of those parts of JSON Schema (draft 2020-12) that these files use, and stricter than it in two things: a keyword that it does
//! not know fails, and so does a field that a known object does not list. Readers should take more fields than are listed, for some may be
//! added; whoever adds one is to list it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

/// Keywords that say nothing about a document.
const SILENT: [&str; 5] = ["$schema", "$defs", "title", "description", "deprecated"];

/// All schemas, by the names of their files.
pub struct Schemas(BTreeMap<String, Json>);

impl Schemas {
    /// Reads them.
    pub fn read() -> Self {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema/v1"));
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let schema: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
            assert!(schema["title"].is_string(), "{name}");
            (name, schema)
        };
        Self(files.map(read).collect())
    }

    /// Their files' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What of the document is not as the file says; `Ok` if all is.
    ///
    /// # Errors
    /// Where it is, and what is wrong there.
    pub fn check(&self, file: &str, document: &Json) -> Result<(), String> {
        let schema = self.0.get(file).unwrap_or_else(|| panic!("there is no docs/schema/v1/{file}"));
        self.holds(file, schema, document, "")
    }

    /// Fails a test whose document is not as the file says.
    pub fn must(&self, file: &str, text: &str) -> Json {
        let document: Json = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}: {text}"));
        self.check(file, &document).unwrap_or_else(|problem| panic!("docs/schema/v1/{file}: {problem}\n{document}"));
        document
    }

    fn holds(&self, file: &str, schema: &Json, value: &Json, at: &str) -> Result<(), String> {
        if *schema == Json::Bool(false) {
            return Err(format!("{at}: nothing may be here, and {value} is"));
        }
        for (keyword, wanted) in schema.as_object().unwrap_or_else(|| panic!("{file}: {schema} is no schema")) {
            match keyword.as_str() {
                "$ref" => {
                    let (other, pointer) = wanted.as_str().unwrap().split_once('#').unwrap_or((wanted.as_str().unwrap(), ""));
                    let other = if other.is_empty() { file } else { other };
                    let root = self.0.get(other).unwrap_or_else(|| panic!("{file}: there is no {other}"));
                    let target = root.pointer(pointer).unwrap_or_else(|| panic!("{file}: there is no {wanted}"));
                    self.holds(other, target, value, at)?;
                }
                "oneOf" | "anyOf" => {
                    let ways = wanted.as_array().unwrap().iter().map(|way| self.holds(file, way, value, at));
                    let (good, bad): (Vec<_>, Vec<_>) = ways.partition(Result::is_ok);
                    if good.is_empty() || keyword == "oneOf" && good.len() > 1 {
                        let why: Vec<String> = bad.into_iter().filter_map(Result::err).collect();
                        return Err(format!("{at}: {} of {keyword} hold: {}", good.len(), why.join(" | ")));
                    }
                }
                "properties" => {
                    for (name, value) in value.as_object().into_iter().flatten() {
                        match (wanted.get(name), schema.get("additionalProperties")) {
                            (Some(property), _) => self.holds(file, property, value, &format!("{at}/{name}"))?,
                            (None, Some(_)) => {}
                            (None, None) => return Err(format!("{at}/{name}: it is not listed")),
                        }
                    }
                }
                "additionalProperties" => {
                    let listed = |name: &str| schema["properties"].get(name).is_some();
                    for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| !listed(name)) {
                        self.holds(file, wanted, value, &format!("{at}/{name}"))?;
                    }
                }
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
                        self.holds(file, wanted, &name.as_str().into(), &format!("{at}/{name}"))?;
                    }
                }
                "prefixItems" => {
                    for (place, (schema, value)) in
                        wanted.as_array().unwrap().iter().zip(value.as_array().into_iter().flatten()).enumerate()
                    {
                        self.holds(file, schema, value, &format!("{at}/{place}"))?;
                    }
                }
                "items" => {
                    let before = schema["prefixItems"].as_array().map_or(0, Vec::len);
                    for (place, value) in value.as_array().into_iter().flatten().enumerate().skip(before) {
                        self.holds(file, wanted, value, &format!("{at}/{place}"))?;
                    }
                }
                plain => {
                    if !is_so(plain, wanted, value) {
                        return Err(format!("{at}: {value} is not as {plain} {wanted} says"));
                    }
                }
            }
        }
        Ok(())
    }
}

fn is_so(keyword: &str, wanted: &Json, value: &Json) -> bool {
    let size = value.as_object().map(|map| map.len() as u64);
    match keyword {
        "type" => match wanted {
            Json::Array(types) => types.iter().any(|one| is_of(one.as_str().unwrap(), value)),
            one => is_of(one.as_str().unwrap(), value),
        },
        "const" => wanted == value,
        "enum" => wanted.as_array().unwrap().contains(value),
        "required" => value
            .as_object()
            .is_none_or(|map| wanted.as_array().unwrap().iter().all(|name| map.contains_key(name.as_str().unwrap()))),
        "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
        "minProperties" => size.is_none_or(|size| size >= wanted.as_u64().unwrap()),
        "maxProperties" => size.is_none_or(|size| size <= wanted.as_u64().unwrap()),
        "pattern" => {
            assert_eq!(wanted, "^[0-9]{1,19}$", "the one pattern that is known here");
            value.as_str().is_none_or(|text| (1..=19).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit()))
        }
        "format" => {
            assert_eq!(wanted, "date-time", "the one format that is known here");
            value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok())
        }
        silent => {
            assert!(SILENT.contains(&silent), "{silent} is no keyword that is known here");
            true
        }
    }
}

fn is_of(kind: &str, value: &Json) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}
