//! Groups of twins, and what is counted of each.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Map, Value};

use super::path::Path;
use super::value::number;
use super::{Column, Placed};

/// What a column of a group shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Measure {
    /// What its twins have in common.
    Group,
    /// How many they are.
    Count,
    /// Something of the numbers an attribute has. Twins in which it is no number do not count.
    Of(Aggregate, Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Average,
    Sum,
    Least,
    Greatest,
}

/// The groups so far, by a text that tells them apart.
pub(super) struct Groups<'a> {
    by: Option<&'a Path>,
    groups: BTreeMap<String, Group>,
}

struct Group {
    value: Option<Value>,
    tallies: Vec<Tally>,
}

/// What has been seen in one column.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    sum: f64,
    least: f64,
    greatest: f64,
}

impl<'a> Groups<'a> {
    /// One group for each primitive value of an attribute, and one for twins that have none. All twins are one group if
    /// no attribute is named, even if there is none.
    pub(super) fn by(by: Option<&'a Path>) -> Self {
        let mut groups = BTreeMap::new();
        if by.is_none() {
            groups.insert(place(None), Group::of(None));
        }
        Self { by, groups }
    }

    pub(super) fn add(&mut self, columns: &[Column<Measure>], twin: &Value) {
        let value = self.by.and_then(|path| path.of(twin));
        let group = self.groups.entry(place(value));
        let group = group.or_insert_with(|| Group::of(value));
        group.tallies.resize(columns.len(), Tally::NONE);
        for (tally, column) in group.tallies.iter_mut().zip(columns) {
            tally.add(&column.of, twin);
        }
    }

    /// The rows whose place is after this one.
    pub(super) fn rows_after(
        &self,
        columns: &[Column<Measure>],
        after: &str,
    ) -> impl Iterator<Item = Placed> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let groups = self.groups.range::<str, _>(range);
        groups.map(|(place, group)| (place.clone(), group.row(columns)))
    }
}

/// Tells a group from every other. Objects and lists make none.
fn place(value: Option<&Value>) -> String {
    match value {
        Some(Value::Null) => "null".into(),
        Some(Value::Bool(value)) => format!("boolean {value}"),
        Some(Value::Number(value)) => format!("number {}", value.as_f64().unwrap_or_default()),
        Some(Value::String(value)) => format!("string {value}"),
        _ => "undefined".into(),
    }
}

impl Group {
    fn of(value: Option<&Value>) -> Self {
        let value = value.filter(|value| super::value::is_primitive(value));
        Self {
            value: value.cloned(),
            tallies: Vec::new(),
        }
    }

    fn row(&self, columns: &[Column<Measure>]) -> Value {
        let tallies = self.tallies.iter().chain(std::iter::repeat(&Tally::NONE));
        let members = columns.iter().zip(tallies).filter_map(|(column, tally)| {
            let value = match &column.of {
                Measure::Group => self.value.clone(),
                Measure::Count => Some(tally.count.into()),
                Measure::Of(aggregate, _) => tally.value(*aggregate),
            };
            Some((column.name.clone(), value?))
        });
        members.collect::<Map<_, _>>().into()
    }
}

impl Tally {
    const NONE: Self = Self {
        count: 0,
        sum: 0.0,
        least: f64::INFINITY,
        greatest: f64::NEG_INFINITY,
    };

    fn add(&mut self, measure: &Measure, twin: &Value) {
        let number = match measure {
            Measure::Of(_, path) => path.of(twin).and_then(Value::as_f64),
            _ => Some(0.0),
        };
        let Some(number) = number else {
            return;
        };
        self.count += 1;
        self.sum += number;
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
    }

    /// The sum of no numbers is 0; nothing else can be said of them.
    fn value(&self, aggregate: Aggregate) -> Option<Value> {
        number(match aggregate {
            Aggregate::Sum => self.sum,
            Aggregate::Average => self.sum / self.count as f64,
            Aggregate::Least => self.least,
            Aggregate::Greatest => self.greatest,
        })
    }
}
