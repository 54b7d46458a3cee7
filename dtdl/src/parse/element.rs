//! One element: an object with a class, a name and texts for people.

use super::class::{COMMON, Class, is_class};
use super::context;
use super::fault::Fault;
use super::node::Node;
use super::text;
use crate::describe::describe;
use crate::dialect::{DESCRIPTION, Dialect};
use crate::dtmi::Dtmi;
use crate::name::is_name;
use crate::text::About;
use crate::unit::{self, Unit};

/// An element of a class, whose `@type` and members are known to be allowed.
#[derive(Debug)]
pub(super) struct Element<'d> {
    pub(super) node: Node<'d>,
    pub(super) dialect: Dialect,
    /// Its types beside its class.
    types: Vec<&'d str>,
}

impl<'d> Element<'d> {
    pub(super) fn new(node: Node<'d>, class: &Class, dialect: Dialect) -> Result<Self, Fault> {
        node.members()?;
        let types = co_types(&node, class, dialect)?;
        context::dialect(&node, Some(dialect))?;
        let element = Self {
            node,
            dialect,
            types,
        };
        element.check_members(class)?;
        element.id()?;
        Ok(element)
    }

    /// A member that may be missing, which an empty array stands for too.
    pub(super) fn get(&self, name: &str) -> Option<Node<'d>> {
        let node = self.node.member(name);
        let node = node.or_else(|| self.node.member(&self.full(name)));
        node.filter(|node| node.value.as_array().is_none_or(|set| !set.is_empty()))
    }

    /// A member that must be there.
    pub(super) fn require(&self, name: &str) -> Result<Node<'d>, Fault> {
        self.get(name)
            .ok_or_else(|| self.node.fault(format!("the member {name:?} is missing")))
    }

    /// The elements of a set; none if it is missing.
    pub(super) fn set(&self, name: &str) -> Vec<Node<'d>> {
        self.get(name).map(|node| node.set()).unwrap_or_default()
    }

    pub(super) fn name(&self) -> Result<String, Fault> {
        let node = self.require("name")?;
        let name = node.text()?;
        let longest = self.dialect.limits().name;
        if !is_name(name) || name.len() > longest {
            return Err(node.unexpected(&format!(
                "a name of at most {longest} letters, digits and underscores, a letter first and no underscore last,"
            )));
        }
        Ok(name.to_owned())
    }

    pub(super) fn about(&self) -> Result<About, Fault> {
        let longest = self.dialect.limits().display_name;
        let localised = |name, longest| {
            let node = self.get(name);
            node.map_or(Ok(Default::default()), |node| {
                text::localised(&node, longest)
            })
        };
        let comment = self.get("comment");
        Ok(About {
            display_name: localised("displayName", longest)?,
            description: localised("description", DESCRIPTION)?,
            comment: comment
                .map(|node| text::plain(&node, DESCRIPTION))
                .transpose()?,
        })
    }

    /// The identifier, in the form this version of the language wants.
    pub(super) fn id(&self) -> Result<Option<Dtmi>, Fault> {
        let Some(node) = self.node.member("@id") else {
            return Ok(None);
        };
        if node.value.is_array() {
            return Err(node.unexpected("a text"));
        }
        identifier(&node, self.dialect).map(Some)
    }

    /// Its semantic types, and types of extensions.
    pub(super) fn semantic_types(&self) -> Vec<String> {
        self.types.iter().map(|name| (*name).to_owned()).collect()
    }

    /// The semantic type that says which units there may be, if it has one.
    pub(super) fn quantity(&self) -> Option<&'d str> {
        let known = |name: &&&str| unit::units_of(name).is_some();
        self.types.iter().find(known).copied()
    }

    /// What values are measured in: with a semantic type one of its units, without none, and with a type or a version
    /// of the language whose units are not known, whatever is named.
    pub(super) fn unit(&self) -> Result<Option<Unit>, Fault> {
        let given = self.get("unit");
        let name = given
            .as_ref()
            .map(|node| node.text().map(term))
            .transpose()?;
        let units = self.quantity().and_then(unit::units_of);
        match (given, name, units) {
            (None, _, None) => Ok(None),
            (_, None, Some(units)) => Err(self.node.fault(format!(
                "a semantic type wants a unit: {}",
                units.join(", ")
            ))),
            (Some(node), Some(name), Some(units))
                if self.dialect == Dialect::V2 && !units.contains(&name) =>
            {
                Err(node.unexpected(&format!("one of the units {}", units.join(", "))))
            }
            (_, name, _) => Ok(name.map(Unit::new)),
        }
    }

    /// A member that is not known is allowed beside a type that is not known, which may bring it.
    fn check_members(&self, class: &Class) -> Result<(), Fault> {
        let informal = self.types.iter().any(|name| unit::units_of(name).is_none());
        let members = self.node.members()?;
        for name in members.keys() {
            let short = self.short(name);
            if short != name && members.contains_key(short) {
                return Err(self.node.fault(format!("{short} and {name} are the same")));
            }
            let known = COMMON.contains(&short)
                || class.members.contains(&short)
                || (short == "unit" && self.quantity().is_some());
            let keyword = name.starts_with('@');
            let tolerated = match keyword {
                true => self.dialect == Dialect::V2 && name != "@graph",
                false => informal,
            };
            if !known && !tolerated {
                return Err(self.no_member(class, name));
            }
        }
        Ok(())
    }

    fn no_member(&self, class: &Class, name: &str) -> Fault {
        self.node.fault(format!(
            "{} has no member {}, but {}",
            class.name,
            describe(&name.into()),
            class.members.join(", ")
        ))
    }

    /// The short name of a member, if it is given as an identifier of this version of the language.
    fn short<'n>(&self, name: &'n str) -> &'n str {
        let short = term(name);
        if name == self.full(short) {
            short
        } else {
            name
        }
    }

    /// A member's name as an identifier.
    fn full(&self, name: &str) -> String {
        let version = match self.dialect {
            Dialect::V2 => 2,
            Dialect::V3 => 3,
        };
        format!("dtmi:dtdl:property:{name};{version}")
    }
}

/// An identifier that is given to an element or names one.
pub(super) fn identifier(node: &Node<'_>, dialect: Dialect) -> Result<Dtmi, Fault> {
    let node = node.only()?;
    let text = node
        .value
        .as_str()
        .ok_or_else(|| node.unexpected("a text"))?;
    let id: Dtmi = text
        .parse()
        .map_err(|error| node.fault(format!("{error}")))?;
    if id.is_reserved() {
        return Err(node.fault(format!("{id} belongs to the language")));
    }
    if !id.is_plain() && !dialect.limits().free_versions {
        return Err(node.unexpected("an identifier with a version that is one number"));
    }
    Ok(id)
}

/// The short name of something the language defines, which may be given as its identifier too: `double` for
/// `dtmi:dtdl:instance:Schema:double;2`.
pub(super) fn term(text: &str) -> &str {
    let ours = ["dtmi:dtdl:", "dtmi:standard:", "dtmi:iotcentral:schema:"];
    if !ours.iter().any(|prefix| text.starts_with(prefix)) {
        return text;
    }
    let path = text.split_once(';').map_or(text, |(path, _)| path);
    path.rsplit_once(':').map_or(path, |(_, term)| term)
}

/// The terms in `@type`.
pub(super) fn types<'d>(node: &Node<'d>) -> Result<Vec<&'d str>, Fault> {
    let Some(types) = node.member("@type") else {
        return Ok(Vec::new());
    };
    let text = |node: &Node<'d>| {
        let text = node.value.as_str();
        text.map(term).ok_or_else(|| node.unexpected("a text"))
    };
    types.set().iter().map(text).collect()
}

/// The types of an element of this class beside the class.
fn co_types<'d>(node: &Node<'d>, class: &Class, dialect: Dialect) -> Result<Vec<&'d str>, Fault> {
    let mut types = types(node)?;
    types.sort_unstable();
    types.dedup();
    let quantities = types.iter().filter(|name| unit::units_of(name).is_some());
    if quantities.count() > 1 {
        return Err(node.fault("two semantic types are too many"));
    }
    let implied = class.implied && node.member("@type").is_none();
    if !implied && !types.contains(&class.name) {
        let found = node.member("@type").unwrap_or_else(|| node.clone());
        return Err(found.fault(format!("the type {} is wanted", class.name)));
    }
    types.retain(|name| *name != class.name);
    for name in &types {
        let quantity = unit::units_of(name).is_some();
        let misplaced = quantity && !class.quantitative.contains(&dialect);
        if misplaced
            || is_class(name)
            || (name.starts_with("dtmi:") && name.parse::<Dtmi>().is_err())
        {
            return Err(node.fault(format!("{} cannot also be {name:?}", class.name)));
        }
    }
    Ok(types)
}
