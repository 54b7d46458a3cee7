//! Groups of twins and their aggregates.

use std::{collections::BTreeMap, ops::Bound};

use super::{Column, KeyedRow, path::Path, value::number};
use crate::json::{JsonObject, JsonValue};

/// A column of a grouped query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Measure {
    /// JsonValue of the attribute that twins are grouped by.
    Group,
    /// Number of twins.
    Count,
    /// Aggregate of the numbers of an attribute. Twins in which it is no number do not count.
    Of(Aggregate, Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Average,
    Sum,
    Min,
    Max,
}

/// The groups so far, by a unique text.
pub(super) struct Groups<'a> {
    by: Option<&'a Path>,
    groups: BTreeMap<String, Group>,
}

struct Group {
    value: Option<JsonValue>,
    accumulators: Vec<Accumulator>,
}

/// The numbers of one column so far.
#[derive(Clone, Copy)]
struct Accumulator {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl<'a> Groups<'a> {
    /// Groups twins by the primitive value of an attribute, with one group for twins without one. Without an attribute, all
    /// twins are one group, even if there are none.
    pub(super) fn by(by: Option<&'a Path>) -> Self {
        let mut groups = BTreeMap::new();
        if by.is_none() {
            groups.insert(group_key(None), Group::of(None));
        }
        Self { by, groups }
    }

    pub(super) fn add(&mut self, columns: &[Column<Measure>], twin: &JsonValue) {
        let value = self.by.and_then(|path| path.of(twin));
        let group = self.groups.entry(group_key(value));
        let group = group.or_insert_with(|| Group::of(value));
        group.accumulators.resize(columns.len(), Accumulator::EMPTY);
        for (accumulator, column) in group.accumulators.iter_mut().zip(columns) {
            accumulator.add(&column.of, twin);
        }
    }

    /// Returns the rows with keys after this one.
    pub(super) fn rows_after(
        &self,
        columns: &[Column<Measure>],
        after: &str,
    ) -> impl Iterator<Item = KeyedRow> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let groups = self.groups.range::<str, _>(range);
        groups.map(|(key, group)| (key.clone(), group.row(columns)))
    }
}

/// Returns the unique key of a group. Objects and arrays count as undefined.
fn group_key(value: Option<&JsonValue>) -> String {
    match value {
        Some(JsonValue::Null) => "null".into(),
        Some(JsonValue::Bool(value)) => format!("boolean {value}"),
        Some(JsonValue::Number(value)) => format!("number {}", value.as_f64()),
        Some(JsonValue::String(value)) => format!("string {value}"),
        _ => "undefined".into(),
    }
}

impl Group {
    fn of(value: Option<&JsonValue>) -> Self {
        let value = value.filter(|value| super::value::is_primitive(value));
        Self {
            value: value.cloned(),
            accumulators: Vec::new(),
        }
    }

    fn row(&self, columns: &[Column<Measure>]) -> JsonValue {
        let accumulators = self
            .accumulators
            .iter()
            .chain(std::iter::repeat(&Accumulator::EMPTY));
        let members = columns
            .iter()
            .zip(accumulators)
            .filter_map(|(column, accumulator)| {
                let value = match &column.of {
                    Measure::Group => self.value.clone(),
                    Measure::Count => Some(accumulator.count.into()),
                    Measure::Of(aggregate, _) => accumulator.value(*aggregate),
                };
                Some((column.name.clone(), value?))
            });
        members.collect::<JsonObject>().into()
    }
}

impl Accumulator {
    const EMPTY: Self = Self {
        count: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    fn add(&mut self, measure: &Measure, twin: &JsonValue) {
        let number = match measure {
            Measure::Of(_, path) => path.of(twin).and_then(JsonValue::as_f64),
            _ => Some(0.0),
        };
        let Some(number) = number else {
            return;
        };
        self.count += 1;
        self.sum += number;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    /// Returns the aggregate. Without numbers the sum is 0, and the others are undefined.
    fn value(&self, aggregate: Aggregate) -> Option<JsonValue> {
        number(match aggregate {
            Aggregate::Sum => self.sum,
            Aggregate::Average => self.sum / self.count as f64,
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
        })
    }
}
