//! Conditions against a model that knows them as a tree of closures, written another way.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::rows_of;

/// A condition as text, and its value for a twin.
#[derive(Clone, Debug)]
struct Condition {
    text: String,
    meant: Meant,
}

#[derive(Clone, Debug)]
enum Meant {
    Compared(usize, &'static str, Value),
    Evaluated(usize),
    Not(Box<Meant>),
    Both(Box<Meant>, Box<Meant>),
    Either(Box<Meant>, Box<Meant>),
}

const ATTRIBUTES: [(&str, &str); 3] = [
    ("tags.a", "/tags/a"),
    ("properties.reported.b", "/properties/reported/b"),
    ("status", "/status"),
];

impl Meant {
    fn value(&self, twin: &Value) -> Option<bool> {
        match self {
            Self::Compared(attribute, operator, constant) => {
                let value = twin.pointer(ATTRIBUTES[*attribute].1)?;
                let order = match (value.as_f64(), constant.as_f64()) {
                    (Some(value), Some(constant)) => value.total_cmp(&constant),
                    _ => value.as_str()?.cmp(constant.as_str()?),
                };
                let allowed = match *operator {
                    "=" => "e",
                    "!=" => "lg",
                    "<" => "l",
                    "<=" => "le",
                    ">" => "g",
                    _ => "ge",
                };
                Some(allowed.contains(["l", "e", "g"][(order as i8 + 1) as usize]))
            }
            Self::Evaluated(attribute) => Some(twin.pointer(ATTRIBUTES[*attribute].1).is_some()),
            Self::Not(operand) => operand.value(twin).map(|value| !value),
            Self::Both(left, right) => match (left.value(twin), right.value(twin)) {
                (Some(true), Some(true)) => Some(true),
                (Some(false), _) | (_, Some(false)) => Some(false),
                _ => None,
            },
            Self::Either(left, right) => match (left.value(twin), right.value(twin)) {
                (Some(false), Some(false)) => Some(false),
                (Some(true), _) | (_, Some(true)) => Some(true),
                _ => None,
            },
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-2..3).prop_map(|number| json!(number)),
        (-2..3).prop_map(|number| json!(f64::from(number) / 2.0)),
        prop::sample::select(vec![json!("x"), json!("y"), json!("enabled")]),
    ]
}

fn leaf() -> impl Strategy<Value = Condition> {
    let operator = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let compared =
        (0..3_usize, operator, value()).prop_map(|(attribute, operator, constant)| Condition {
            text: format!("{} {operator} {constant}", ATTRIBUTES[attribute].0),
            meant: Meant::Compared(attribute, operator, constant),
        });
    let defined = (0..3_usize).prop_map(|attribute| Condition {
        text: format!("IS_DEFINED({})", ATTRIBUTES[attribute].0),
        meant: Meant::Evaluated(attribute),
    });
    prop_oneof![4 => compared, 1 => defined]
}

fn condition() -> impl Strategy<Value = Condition> {
    leaf().prop_recursive(4, 24, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(|of| Condition {
                text: format!("NOT ({})", of.text),
                meant: Meant::Not(Box::new(of.meant)),
            }),
            pair.clone().prop_map(|(left, right)| Condition {
                text: format!("({}) AND ({})", left.text, right.text),
                meant: Meant::Both(Box::new(left.meant), Box::new(right.meant)),
            }),
            pair.prop_map(|(left, right)| Condition {
                text: format!("({}) or ({})", left.text, right.text),
                meant: Meant::Either(Box::new(left.meant), Box::new(right.meant)),
            }),
        ]
    })
}

fn twin() -> impl Strategy<Value = Value> {
    let part = || prop::option::of(value());
    (part(), part(), part()).prop_map(|(a, b, status)| {
        let mut twin = json!({"deviceId": "d", "tags": {}, "properties": {"reported": {}}});
        for (value, at, key) in [
            (a, "/tags", "a"),
            (b, "/properties/reported", "b"),
            (status, "", "status"),
        ] {
            if let Some(value) = value {
                twin.pointer_mut(at).unwrap()[key] = value;
            }
        }
        twin
    })
}

proptest! {
    #[test]
    fn conditions_mean_what_the_model_says(condition in condition(), twins in prop::collection::vec(twin(), 0..6)) {
        let selected = rows_of(&format!("SELECT * FROM devices WHERE {}", condition.text), &twins);
        let expected: Vec<_> = twins.into_iter().filter(|twin| condition.meant.value(twin) == Some(true)).collect();
        prop_assert_eq!(selected, expected, "{}", condition.text);
    }
}
