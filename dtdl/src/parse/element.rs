//! One element: an object with a class, a name and texts for people.

use super::class::{COMMON, Class, is_class};
use super::fault::Fault;
use super::node::Node;
use super::text;
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
        let element = Self {
            node,
            dialect,
            types,
        };
        element.check_members(class)?;
        element.check_id()?;
        Ok(element)
    }

    /// A member that may be missing.
    pub(super) fn get(&self, name: &str) -> Option<Node<'d>> {
        self.node.member(name)
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
        self.get("@id")
            .map(|node| identifier(&node, self.dialect))
            .transpose()
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
        for name in self.node.members()?.keys() {
            let known = COMMON.contains(&name.as_str())
                || class.members.contains(&name.as_str())
                || (name == "unit" && self.quantity().is_some());
            if !known && (name == "@graph" || !informal) {
                let shown: String = name.chars().take(64).collect();
                return Err(self.node.fault(format!(
                    "{} has no member {shown:?}, but {}",
                    class.name,
                    class.members.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn check_id(&self) -> Result<(), Fault> {
        self.id().map(drop)
    }
}

/// An identifier that is given to an element or names one.
pub(super) fn identifier(node: &Node<'_>, dialect: Dialect) -> Result<Dtmi, Fault> {
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
