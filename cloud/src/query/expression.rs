//! Conditions, and what they are made of.

use serde_json::Value;

use super::path::Path;

/// Something that has a value for each twin, or none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Undefined,
    Constant(Value),
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

/// What stands between two expressions.
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

/// What can be called.
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

/// What IoT Hub documents for the conditions of message routes, and not for queries.
const OF_ROUTES: [&str; 15] = [
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

/// How tightly NOT and a minus sign bind what follows them.
pub(super) const NOT: u8 = 3;
pub(super) const MINUS: u8 = 7;

impl Operator {
    /// How tightly it binds: the higher, the tighter.
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
    /// The function of this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
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

    /// Whether it is a function of message routes only.
    pub(super) fn is_of_routes(name: &str) -> bool {
        OF_ROUTES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// How many arguments it takes.
    pub(super) fn arity(self) -> usize {
        match self {
            Self::StartsWith | Self::EndsWith | Self::Contains => 2,
            _ => 1,
        }
    }
}
