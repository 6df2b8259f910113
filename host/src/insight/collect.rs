//! Counting, an item at a time. Nothing is copied of an item whose shape and attributes are known already.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};

use super::shape::clip;
use super::{ActionLine, AttributeLine, Change, Concerns, Insight, NearLimit, Part, Shape, expression, table_of};
use crate::journal::{Entry, Manifest};
use crate::model::{Action, ExactlyOnce, Item, KeySchema, MAX_ITEM_BYTES, Number, Patch, Target, Update, Value, item_bytes};

/// Shapes that are told apart.
const SHAPES: usize = 200;
/// Parts of a shape that are named.
const PARTS: usize = 64;
/// Tables and attributes that are named.
const TABLES: usize = 100;
const ATTRIBUTES: usize = 1_000;
/// The largest items that are named.
const LARGEST: usize = 10;
/// From here on an item is near the limit: nine tenths.
const NEAR: usize = MAX_ITEM_BYTES / 10 * 9;
/// How applications call the number by which they tell whether an item changed.
const VERSIONS: [&str; 15] = [
    "version",
    "_version",
    "__version",
    "ver",
    "_ver",
    "__v",
    "_v",
    "rev",
    "_rev",
    "revision",
    "_revision",
    "rowversion",
    "lockversion",
    "versionnumber",
    "optlock",
];

/// What is counted of an attribute.
#[derive(Default)]
struct Counted {
    set: u64,
    new: u64,
    removed: u64,
    retyped: BTreeMap<(&'static str, &'static str), u64>,
}

/// Attributes by table, kind of action and name.
type Attributes = BTreeMap<String, BTreeMap<&'static str, BTreeMap<String, Counted>>>;

pub(super) struct Collector<'a> {
    manifest: &'a Manifest,
    /// When the run began, in seconds.
    now: i64,
    items: u64,
    actions: BTreeMap<String, BTreeMap<&'static str, u64>>,
    attributes: Attributes,
    named: usize,
    other_attributes: u64,
    shapes: HashMap<u64, Shape>,
    other_items: u64,
    near_limit: NearLimit,
    concerns: Concerns,
}

/// One change of an attribute, and whether it was not there before.
type Touch<'a> = (Part<&'a str>, bool);

impl<'a> Collector<'a> {
    pub(super) fn new(manifest: &'a Manifest) -> Self {
        let index_keys = manifest.features.iter().flat_map(|features| features.index_keys.iter());
        let mut names: Vec<&str> = index_keys.map(|key| key.attribute.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        Self {
            manifest,
            now: manifest.created.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second),
            items: 0,
            actions: BTreeMap::new(),
            attributes: BTreeMap::new(),
            named: 0,
            other_attributes: 0,
            shapes: HashMap::new(),
            other_items: 0,
            near_limit: NearLimit::default(),
            concerns: Concerns {
                index_keys: names.into_iter().map(|name| (name.to_owned(), 0, 0)).collect(),
                ..Concerns::default()
            },
        }
    }

    pub(super) fn add(&mut self, (segment, page): (u32, u32), entry: &Entry) {
        self.items += 1;
        let manifest = self.manifest;
        let mut touches: Vec<Touch<'_>> = Vec::new();
        let after = self.own(entry, &mut touches);
        for action in &entry.actions {
            let table = table_of(manifest, action.table());
            self.count_action(table, action.kind());
            match action {
                Action::Patch(_) => {}
                Action::Insert(insert) => {
                    insert.item.names().for_each(|name| self.count(table, "insert", name, Change::Set, true));
                    touches.push((Part { table, action: "insert", change: None }, false));
                }
                Action::Update(update) => touches.extend(
                    expression::touched(update)
                        .into_iter()
                        .map(|(name, change)| (Part { table, action: "update", change: Some((name, change)) }, false)),
                ),
                Action::Delete(_) | Action::Withdraw(_) => {
                    touches.push((Part { table, action: "delete", change: None }, false));
                }
            }
        }
        for (part, new) in &touches {
            if let Some((name, change)) = part.change {
                self.count(part.table, part.action, name, change, *new);
            }
        }
        self.concern(entry, &touches);
        self.size(entry, after.as_ref());
        self.shape((segment, page, entry.position), touches);
    }

    /// What the patches of an item come to in the end; the item afterwards, if there are any.
    fn own<'e>(&self, entry: &'e Entry, touches: &mut Vec<Touch<'e>>) -> Option<Item>
    where
        'a: 'e,
    {
        let patches =
            || entry.actions.iter().filter_map(|action| if let Action::Patch(patch) = action { Some(patch) } else { None });
        patches().next()?;
        let after = patches().fold(entry.image.clone(), |item, patch| patch.applied_to(&item));
        let mut names: Vec<&'e str> = patches().flat_map(named).collect();
        names.sort_unstable();
        names.dedup();
        let table = self.manifest.context.table.as_str();
        for name in names {
            let change = match (entry.image.get(name), after.get(name)) {
                // Without its image, what is taken away is known by its name only.
                (None, None) if self.manifest.no_images => Some(Change::Removed),
                (None, None) => None,
                (Some(_), None) => Some(Change::Removed),
                (None, Some(_)) => Some(Change::Set),
                (Some(before), Some(after)) if before == after && before.descriptor() == after.descriptor() => None,
                (Some(before), Some(after)) if before.descriptor() != after.descriptor() => {
                    Some(Change::Retyped { from: before.descriptor(), to: after.descriptor() })
                }
                _ => Some(Change::Set),
            };
            let new = !self.manifest.no_images && !entry.image.contains(name);
            touches.extend(change.map(|change| (Part { table, action: "patch", change: Some((name, change)) }, new)));
        }
        Some(after)
    }

    fn count_action(&mut self, table: &str, action: &'static str) {
        if let Some(kinds) = self.actions.get_mut(table) {
            *kinds.entry(action).or_default() += 1;
            return;
        }
        let name = clip(table);
        let name = if self.actions.contains_key(&name) || self.actions.len() < TABLES { name } else { OTHERS.to_owned() };
        *self.actions.entry(name).or_default().entry(action).or_default() += 1;
    }

    fn count(&mut self, table: &str, action: &'static str, name: &str, change: Change, new: bool) {
        let known = self.attributes.get_mut(table).and_then(|kinds| kinds.get_mut(action)).and_then(|names| names.get_mut(name));
        match known {
            Some(counted) => counted.add(change, new),
            None if self.named < ATTRIBUTES => {
                let names = self.attributes.entry(clip(table)).or_default().entry(action).or_default();
                let counted = names.entry(clip(name)).or_insert_with(|| {
                    self.named += 1;
                    Counted::default()
                });
                counted.add(change, new);
            }
            None => self.other_attributes += 1,
        }
    }

    fn shape(&mut self, example: (u32, u32, u32), touches: Vec<Touch<'_>>) {
        let mut parts: Vec<Part<&str>> = touches.into_iter().map(|(part, _)| part).collect();
        parts.sort_unstable();
        parts.dedup();
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        let full = self.shapes.len() >= SHAPES;
        match self.shapes.get_mut(&hasher.finish()) {
            Some(shape) => shape.items += 1,
            None if full => self.other_items += 1,
            None => {
                let shape = Shape {
                    parts: parts.iter().take(PARTS).map(Part::owned).collect(),
                    more: parts.len().saturating_sub(PARTS),
                    items: 1,
                    example,
                };
                self.shapes.insert(hasher.finish(), shape);
            }
        }
    }

    fn size(&mut self, entry: &Entry, after: Option<&Item>) {
        if self.manifest.no_images {
            return;
        }
        let own = after.map(|after| (&self.manifest.context.key, item_bytes(&entry.image), after));
        let inserted = entry.actions.iter().filter_map(|action| match action {
            Action::Insert(insert) => Some((&insert.item, item_bytes(&insert.item))),
            _ => None,
        });
        // Of an inserted item the table's key is not known here: it is named by the item that it comes from.
        let larger = own.map(|(key, before, after)| (key, before, item_bytes(after)));
        let each = larger.into_iter().chain(inserted.map(|(_, bytes)| (&self.manifest.context.key, 0, bytes)));
        for (key, before, after) in each {
            if after >= NEAR && after > before {
                self.near_limit.items += 1;
                note_largest(&mut self.near_limit.largest, key, &entry.image, before, after);
            }
        }
    }

    fn concern(&mut self, entry: &Entry, touches: &[Touch<'_>]) {
        let (manifest, own) = (self.manifest, self.manifest.context.table.as_str());
        for (name, value) in &entry.image {
            if matches!(value, Value::N(_)) && looks_like_a_version(name) {
                let versions = &mut self.concerns.versions;
                match versions.iter().position(|(known, _)| known == name) {
                    Some(at) => versions.iter_mut().skip(at).take(1).for_each(|(_, items)| *items += 1),
                    None if versions.len() < VERSIONS.len() => versions.push((name.to_owned(), 1)),
                    None => {}
                }
            }
        }
        self.concerns.transactions += u64::from(goes_in_a_transaction(manifest, entry));
        let Some(features) = &manifest.features else { return };
        let touched = |name: &str| {
            let on = |part: &Part<&str>| part.table == own && part.change.is_some_and(|(touched, _)| touched == name);
            touches.iter().any(|(part, _)| on(part))
        };
        let set = |name: &str| {
            entry.actions.iter().rev().find_map(|action| match action {
                Action::Patch(patch) => patch.set.get(name),
                _ => None,
            })
        };
        for (attribute, items, mistyped) in &mut self.concerns.index_keys {
            if !touched(attribute) {
                continue;
            }
            *items += 1;
            let keys = || features.index_keys.iter().filter(|key| key.attribute == *attribute);
            *mistyped += u64::from(set(attribute).is_some_and(|value| keys().any(|key| key.kind.as_str() != value.descriptor())));
        }
        if let Some(ttl) = features.ttl.known().and_then(Option::as_deref)
            && touched(ttl)
        {
            let now = self.now;
            let past = |value: &Value| {
                value.as_n().map(Number::as_str).and_then(|text| text.parse::<i64>().ok()).is_some_and(|at| at <= now)
            };
            self.concerns.ttl.0 += 1;
            self.concerns.ttl.1 += u64::from(set(ttl).is_some_and(past));
        }
    }

    pub(super) fn finish(self) -> Insight {
        let mut shapes: Vec<Shape> = self.shapes.into_values().collect();
        // Of as many items, in the order of the scan.
        shapes.sort_by(|a, b| b.items.cmp(&a.items).then(a.example.cmp(&b.example)));
        let actions = self.actions.into_iter().flat_map(|(table, kinds)| {
            kinds.into_iter().map(move |(action, count)| ActionLine { table: table.clone(), action, count })
        });
        let attributes = self.attributes.into_iter().flat_map(|(table, kinds)| {
            kinds.into_iter().flat_map(move |(action, names)| {
                let table = table.clone();
                names.into_iter().map(move |(attribute, counted)| counted.line(table.clone(), action, attribute))
            })
        });
        Insight {
            items: self.items,
            unchanged: 0,
            actions: actions.collect(),
            attributes: attributes.collect(),
            other_attributes: self.other_attributes,
            shapes,
            other_items: self.other_items,
            near_limit: self.near_limit,
            concerns: self.concerns,
        }
    }
}

/// Under this name stand the tables beyond those that are named.
const OTHERS: &str = "(other tables)";

fn named(patch: &Patch) -> impl Iterator<Item = &str> {
    patch.set.names().chain(patch.remove.iter().map(String::as_str))
}

fn note_largest(
    largest: &mut Vec<(crate::model::Key, usize, usize)>,
    schema: &KeySchema,
    image: &Item,
    before: usize,
    after: usize,
) {
    let Ok(key) = schema.key_of(image) else { return };
    let at = largest.partition_point(|(_, _, bytes)| *bytes >= after);
    if at < LARGEST {
        largest.insert(at, (key, before, after));
        largest.truncate(LARGEST);
    }
}

/// `version`, `rowVersion`, `lock_version`, and what else of that sort.
fn looks_like_a_version(name: &str) -> bool {
    if name.len() > 32 {
        return false;
    }
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    VERSIONS
        .iter()
        .any(|version| name.eq_ignore_ascii_case(version) || version.trim_start_matches('_') == plain && plain.len() > 1)
}

/// Whether an item's actions are sent as a transaction: several writes, or one that brings its source or its proof along.
fn goes_in_a_transaction(manifest: &Manifest, entry: &Entry) -> bool {
    let patched = entry.actions.iter().any(|action| matches!(action, Action::Patch(_)));
    let others = entry.actions.iter().filter(|action| !matches!(action, Action::Patch(_))).count();
    let on_this = entry.actions.iter().any(is_on_this);
    let source = !on_this && (manifest.check_source || matches!(manifest.exactly_once, ExactlyOnce::Stamp(_)));
    let receipt = manifest.exactly_once == ExactlyOnce::Receipts;
    let writes = usize::from(patched) + others + usize::from(source) + usize::from(receipt);
    !manifest.no_atomic && writes > 1
}

fn is_on_this(action: &Action) -> bool {
    match action {
        Action::Update(Update { target, .. }) | Action::Delete(target) => *target == Target::This,
        other => other.is_on_this(),
    }
}

impl Counted {
    fn add(&mut self, change: Change, new: bool) {
        match change {
            Change::Set => {
                self.set += 1;
                self.new += u64::from(new);
            }
            Change::Removed => self.removed += 1,
            Change::Retyped { from, to } => *self.retyped.entry((from, to)).or_default() += 1,
        }
    }

    fn line(self, table: String, action: &'static str, attribute: String) -> AttributeLine {
        let Self { set, new, removed, retyped } = self;
        let retyped = retyped.into_iter().map(|((from, to), items)| (from, to, items)).collect();
        AttributeLine { table, action, attribute, set, new, removed, retyped }
    }
}
