//! Components that import what a host does not provide, as the tools of other languages make them.

use wasm_encoder::{
    CanonicalFunctionSection, Component, ComponentImportSection, ComponentTypeRef,
    ComponentTypeSection, InstanceType,
};

/// A component that imports empty interfaces of these names. It is no device.
pub fn importing(names: &[&str]) -> Vec<u8> {
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    let mut imports = ComponentImportSection::new();
    for name in names {
        imports.import(*name, ComponentTypeRef::Instance(0));
    }
    let mut component = Component::new();
    component.section(&types).section(&imports);
    component.finish()
}

/// A component that imports empty interfaces of these names and cancels a task, which only asynchronous ones do.
pub fn asynchronous(names: &[&str]) -> Vec<u8> {
    let mut functions = CanonicalFunctionSection::new();
    functions.task_cancel();
    let mut component = importing(names);
    let mut section = Component::new();
    section.section(&functions);
    let header = Component::HEADER.len();
    component.extend_from_slice(&section.finish()[header..]);
    component
}
