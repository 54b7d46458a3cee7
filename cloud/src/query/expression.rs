//! Expressions, operators and functions.

use super::path::Path;
use crate::json::JsonValue;

/// An expression, with a value for each twin or undefined.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Undefined,
    Constant(JsonValue),
    Attribute(Path),
    Call(Function, Vec<Expression>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// Joined by AND. Flat, so that a long condition is not a deep one.
    All(Vec<Expression>),
    /// Joined by OR.
    Any(Vec<Expression>),
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    IsDefined,
    IsArray,
    IsBool,
    IsNull,
    IsNumber,
    IsObject,
    IsPrimitive,
    IsString,
    StartsWith,
    EndsWith,
    Contains,
}

/// Functions that IoT Hub documents for message routing only.
const ROUTING_FUNCTIONS: [&str; 15] = [
    "ABS",
    "AS_NUMBER",
    "CEILING",
    "CONCAT",
    "EXP",
    "FLOOR",
    "INDEX_OF",
    "LENGTH",
    "LOWER",
    "POWER",
    "SIGN",
    "SQRT",
    "SQUARE",
    "SUBSTRING",
    "UPPER",
];

/// The binding powers of NOT and of a minus sign.
pub(super) const NOT_POWER: u8 = 3;
pub(super) const MINUS_POWER: u8 = 7;

impl Operator {
    /// Returns the binding power: higher binds tighter.
    pub(super) fn power(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide | Self::Remainder => 6,
            _ => 4,
        }
    }
}

impl Function {
    /// Returns the function of this name, in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "IS_DEFINED" => Self::IsDefined,
            "IS_ARRAY" => Self::IsArray,
            "IS_BOOL" => Self::IsBool,
            "IS_NULL" => Self::IsNull,
            "IS_NUMBER" => Self::IsNumber,
            "IS_OBJECT" => Self::IsObject,
            "IS_PRIMITIVE" => Self::IsPrimitive,
            "IS_STRING" => Self::IsString,
            "STARTSWITH" | "STARTS_WITH" => Self::StartsWith,
            "ENDSWITH" | "ENDS_WITH" => Self::EndsWith,
            "CONTAINS" => Self::Contains,
            _ => return None,
        })
    }

    /// Returns true for a function of message routing only.
    pub(super) fn is_routing_only(name: &str) -> bool {
        ROUTING_FUNCTIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Returns the number of arguments.
    pub(super) fn arity(self) -> usize {
        match self {
            Self::StartsWith | Self::EndsWith | Self::Contains => 2,
            _ => 1,
        }
    }
}
