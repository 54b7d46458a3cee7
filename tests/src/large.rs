//! Components for their size.

use std::path::Path;

use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentSection, Function, FunctionSection, Module,
    ModuleSection, TypeSection, ValType,
};

/// A valid component of 3 MB that takes long to compile: functions with many variables and branches. Each number makes
/// another one. It is no device.
pub fn large(number: u32) -> Vec<u8> {
    let mut component = Component::new();
    component.section(&ModuleSection(&module(25, number)));
    component.finish()
}

/// The bytes of a component with a module more, which nothing uses and which takes some seconds to compile. Each number
/// makes another one.
pub fn slow(component: &Path, number: u32) -> Vec<u8> {
    let mut bytes = std::fs::read(component).expect("it can be read");
    ModuleSection(&module(1, number)).append_to_component(&mut bytes);
    bytes
}

fn module(count: u32, number: u32) -> Module {
    const STEPS: u32 = 6000;
    const VARIABLES: u32 = 400;
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for function in 0..count {
        functions.function(0);
        let mut body = Function::new([(VARIABLES, ValType::I32)]);
        let mut instructions = body.instructions();
        for step in 0..STEPS {
            let (from, to) = (step * 7 % VARIABLES, step * 13 % VARIABLES);
            instructions
                .local_get(from)
                .i32_const((step ^ function ^ number).cast_signed())
                .i32_xor()
                .local_set(to)
                .local_get(to)
                .if_(BlockType::Empty)
                .local_get(to)
                .local_set(from)
                .end();
        }
        instructions.local_get(0).end();
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module
}
