//! A loaded component: the behaviour of a device.

use std::{future::Future, sync::Arc};

use super::{
    instance::ComponentInstance,
    sandbox::{IncompatibleError, PreparedComponent},
};
use crate::{
    clock::SystemClock,
    device::behaviour::{Behaviour, CallFailure, Description, InstanceContext, Outcome, Start},
};

/// A component that has been loaded, fits this host and has said what it is.
#[derive(Clone)]
pub struct Component {
    prepared: Arc<PreparedComponent>,
    description: Description,
    sha256: Arc<str>,
}

impl Component {
    /// Lets a component that fits describe itself; `sha256` is that of its file.
    pub async fn admit(
        prepared: PreparedComponent,
        sha256: Arc<str>,
    ) -> Result<Self, IncompatibleError> {
        let prepared = Arc::new(prepared);
        let context = InstanceContext {
            device: "describe".into(),
            clock: Arc::new(SystemClock::new()),
            seed: None,
            outbox_quota: None,
        };
        let of = prepared.clone();
        let describing = async move { ComponentInstance::new(of, context).await?.describe().await };
        let description = prepared
            .run(describing)
            .await
            .map_err(IncompatibleError::Describe)?;
        check(&description).map_err(IncompatibleError::Describe)?;
        Ok(Self {
            prepared,
            description,
            sha256,
        })
    }
}

/// A description goes into user names, logs and the cloud. A model ID is a DTMI, such as
/// `dtmi:com:example:Thermostat;1` (Digital Twin Model Identifier, at most 2,048 characters).
fn check(description: &Description) -> Result<(), CallFailure> {
    let printable = |text: &str, longest| {
        text.len() <= longest && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
    };
    let Description {
        name,
        version,
        model_id,
    } = description;
    if !printable(name, 128) || !printable(version, 128) {
        return Err(CallFailure::Error(
            "name or version is longer than 128 characters or not printable ASCII".to_owned(),
        ));
    }
    let dtmi = model_id.starts_with("dtmi:") && model_id.contains(';') && !model_id.contains(' ');
    if !dtmi || !printable(model_id, 2048) {
        let shown: String = model_id.escape_default().take(100).collect();
        return Err(CallFailure::Error(format!(
            "model ID \"{shown}\" is not a DTMI such as dtmi:com:example:Thermostat;1"
        )));
    }
    Ok(())
}

impl Behaviour for Component {
    type Instance = ComponentInstance;

    fn description(&self) -> &Description {
        &self.description
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn takes_messages(&self) -> bool {
        self.prepared.takes_messages()
    }

    fn start(
        &self,
        context: InstanceContext,
        start: Start,
    ) -> impl Future<Output = Result<(ComponentInstance, Outcome), CallFailure>> + Send + 'static
    {
        let prepared = self.prepared.clone();
        async move {
            let of = prepared.clone();
            let starting = async move {
                let mut instance = ComponentInstance::new(of, context).await?;
                let outcome = instance.init(start).await?;
                Ok((instance, outcome))
            };
            prepared.run(starting).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_plain_text_and_its_model_id_a_dtmi() {
        let described = |name: &str, model_id: &str| {
            check(&Description {
                name: name.to_owned(),
                version: "1".to_owned(),
                model_id: model_id.to_owned(),
            })
        };
        assert_eq!(
            described("thermostat", "dtmi:com:example:Thermostat;1"),
            Ok(())
        );
        assert!(described("a\nb", "dtmi:com:example:Thermostat;1").is_err());
        for wrong in [
            "",
            "Thermostat",
            "dtmi:x",
            "dtmi:a b;1",
            "dtmi:\u{1b};1",
            &format!("dtmi:{};1", "x".repeat(3000)),
        ] {
            assert!(described("thermostat", wrong).is_err(), "{wrong}");
        }
    }
}
