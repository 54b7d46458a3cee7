//! The contract in `wit/` as Rust types.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated from the contract, which documents every item"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "device",
    imports: { "pnp:device/random.bytes": trappable },
    exports: { default: async },
});
