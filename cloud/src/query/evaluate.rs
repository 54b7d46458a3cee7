//! Evaluation of expressions for one twin. `None` is undefined.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    expression::{Expression, Function, Operator},
    value::{compare, is_primitive, number},
};
use crate::json::JsonValue;

/// A value, borrowed from the twin or the query where possible.
type Evaluated<'a> = Option<Cow<'a, JsonValue>>;

impl Expression {
    /// Returns true if it is true for `twin`, false if it is false, undefined or no boolean.
    pub(super) fn holds(&self, twin: &JsonValue) -> bool {
        self.truth(twin) == Some(true)
    }

    pub(super) fn value<'a>(&'a self, twin: &'a JsonValue) -> Evaluated<'a> {
        match self {
            Self::Undefined => None,
            Self::Constant(value) => Some(Cow::Borrowed(value)),
            Self::Attribute(path) => path.of(twin).map(Cow::Borrowed),
            Self::Call(function, arguments) => owned(function.of(arguments, twin)),
            Self::Not(operand) => owned(operand.truth(twin).map(|truth| !truth)),
            Self::Negative(operand) => {
                let operand = operand.value(twin)?.as_f64()?;
                number(-operand).map(Cow::Owned)
            }
            Self::Binary(operator, left, right) => operator
                .of(left.value(twin)?.as_ref(), right.value(twin)?.as_ref())
                .map(Cow::Owned),
            Self::All(operands) => owned(logical(operands, twin, false)),
            Self::Any(operands) => owned(logical(operands, twin, true)),
        }
    }

    fn truth(&self, twin: &JsonValue) -> Option<bool> {
        self.value(twin)?.as_bool()
    }
}

/// Evaluates AND and OR: `decisive` if an operand has this value, else undefined if one is undefined, else the opposite.
fn logical(operands: &[Expression], twin: &JsonValue, decisive: bool) -> Option<bool> {
    let mut undefined = false;
    for operand in operands {
        match operand.truth(twin) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => undefined = true,
        }
    }
    (!undefined).then_some(!decisive)
}

fn owned<'a>(truth: Option<bool>) -> Evaluated<'a> {
    truth.map(|truth| Cow::Owned(truth.into()))
}

impl Operator {
    fn of(self, left: &JsonValue, right: &JsonValue) -> Option<JsonValue> {
        match self {
            Self::Add => arithmetic(left, right, |left, right| left + right),
            Self::Subtract => arithmetic(left, right, |left, right| left - right),
            Self::Multiply => arithmetic(left, right, |left, right| left * right),
            Self::Divide => arithmetic(left, right, |left, right| left / right),
            Self::Remainder => arithmetic(left, right, |left, right| left % right),
            Self::In => is_among(left, right).map(JsonValue::Bool),
            Self::NotIn => is_among(left, right).map(|is| JsonValue::Bool(!is)),
            comparison => compare(left, right).map(|order| comparison.allows(order).into()),
        }
    }

    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            _ => false,
        }
    }
}

fn arithmetic(left: &JsonValue, right: &JsonValue, with: fn(f64, f64) -> f64) -> Option<JsonValue> {
    number(with(left.as_f64()?, right.as_f64()?))
}

fn is_among(item: &JsonValue, list: &JsonValue) -> Option<bool> {
    let list = list.as_array().filter(|_| is_primitive(item))?;
    Some(
        list.iter()
            .any(|other| compare(item, other) == Some(Ordering::Equal)),
    )
}

impl Function {
    fn of(self, arguments: &[Expression], twin: &JsonValue) -> Option<bool> {
        let mut arguments = arguments.iter().map(|argument| argument.value(twin));
        let (first, second) = (arguments.next().flatten(), arguments.next().flatten());
        match self {
            Self::StartsWith => on_strings(first, second, |text, part| text.starts_with(part)),
            Self::EndsWith => on_strings(first, second, |text, part| text.ends_with(part)),
            Self::Contains => on_strings(first, second, |text, part| text.contains(part)),
            test => Some(first.is_some_and(|value| test.is(&value))),
        }
    }

    fn is(self, value: &JsonValue) -> bool {
        match self {
            Self::IsArray => value.as_array().is_some(),
            Self::IsBool => value.as_bool().is_some(),
            Self::IsNull => value.is_null(),
            Self::IsNumber => value.as_number().is_some(),
            Self::IsObject => value.is_object(),
            Self::IsPrimitive => is_primitive(value),
            Self::IsString => value.as_str().is_some(),
            _ => true,
        }
    }
}

fn on_strings(
    text: Evaluated<'_>,
    part: Evaluated<'_>,
    test: fn(&str, &str) -> bool,
) -> Option<bool> {
    Some(test(text?.as_str()?, part?.as_str()?))
}
