//! What several tests need: a sandbox, and components loaded into it by the real compiler process.

use std::path::{Path, PathBuf};

use host::guest::{
    Component, Limits, Sandbox, Wasi,
    compile::{Compiler, ComponentSource, LoadError},
};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// A sandbox and a compiler with an image directory of its own.
pub(crate) struct Lab {
    pub(crate) sandbox: Sandbox,
    pub(crate) compiler: Compiler,
    _cache: TempDir,
}

impl Lab {
    /// Calls into components run on the current runtime.
    pub(crate) fn new(limits: Limits, wasi: Wasi) -> Self {
        let sandbox = Sandbox::new(limits, wasi, Handle::current()).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let compiler = Compiler {
            program: env!("CARGO_BIN_EXE_host").into(),
            cache: Some(cache.path().join("images")),
            in_background: false,
        };
        Self {
            sandbox,
            compiler,
            _cache: cache,
        }
    }

    /// The directory of images.
    #[allow(dead_code, reason = "not every file of tests looks into it")]
    pub(crate) fn cache(&self) -> &Path {
        self.compiler.cache.as_deref().unwrap()
    }

    pub(crate) async fn load(&self, path: &Path) -> Result<Component, LoadError> {
        let source = ComponentSource::read(path, self.sandbox.limits())?;
        self.compiler.load(&self.sandbox, &source).await
    }
}

/// The thermostat, as `make build` leaves it.
pub(crate) fn thermostat() -> PathBuf {
    built("thermostat.wasm")
}

/// A component of `tests/guests`, as `make guests` leaves it.
#[allow(dead_code, reason = "not every test that shares this module uses it")]
pub(crate) fn guest(name: &str) -> PathBuf {
    built(&format!("wasm32-wasip2/guest/examples/{name}.wasm"))
}

fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing; build it first: make build guests",
        path.display()
    );
    path
}
