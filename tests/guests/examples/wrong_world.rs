//! Another world altogether. Proves that a component is refused with the names of what it imports and nobody offers, and
//! of what it should export and does not.
#![cfg(target_family = "wasm")]

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package other:place@1.0.0;

            interface oracle {
                ask: func(question: string) -> string;
            }

            interface greeter {
                greet: func(name: string) -> string;
            }

            world elsewhere {
                import oracle;
                export greeter;
            }
        ",
    });
    use super::Component;
    export!(Component);
}

struct Component;

impl bindings::exports::other::place::greeter::Guest for Component {
    fn greet(name: String) -> String {
        bindings::other::place::oracle::ask(&name)
    }
}
