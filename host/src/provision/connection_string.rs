//! The connection string of a device, as the Azure portal shows it.
//!
//! Source: "Understand IoT Hub device connection strings" of the Azure IoT documentation.

use std::str::FromStr;

use super::{
    device_id::{DeviceIdError, check_device_id},
    sas::{KeyError, SymmetricKey, is_quoted},
};
use crate::mqtt::Endpoint;

const KNOWN: [&str; 3] = ["HostName", "DeviceId", "SharedAccessKey"];

/// Parts that Azure defines and this host does not support, with the reason.
const UNSUPPORTED: [(&str, &str); 5] = [
    (
        "GatewayHostName",
        "gateways are not supported; connect to the hub itself",
    ),
    (
        "ModuleId",
        "modules are not supported; use the connection string of a device",
    ),
    (
        "x509",
        "certificates are not supported; use a device with a symmetric key",
    ),
    (
        "SharedAccessKeyName",
        "service policies are not supported; use the connection string of a device",
    ),
    (
        "SharedAccessSignature",
        "SAS tokens are not supported; use the device's SharedAccessKey",
    ),
];

/// The connection string of a device: `HostName=…;DeviceId=…;SharedAccessKey=…`.
#[derive(Clone, Debug)]
pub struct ConnectionString {
    /// The hub as given, with its port if there is one.
    pub hub: String,
    /// The device.
    pub device_id: String,
    /// The device's key.
    pub key: SymmetricKey,
}

/// The error of a text that is not a connection string. It shows nothing of the text but names that Azure defines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A required part is missing.
    #[error("no {0} in the connection string: expected HostName=…;DeviceId=…;SharedAccessKey=…")]
    Missing(&'static str),
    /// A part is repeated.
    #[error("repeated {0} in the connection string")]
    Repeated(&'static str),
    /// A part has an unknown name, or no `=`.
    #[error(
        "invalid part {0} of the connection string: expected HostName=…;DeviceId=…;SharedAccessKey=…"
    )]
    Unknown(usize),
    /// A part is not supported.
    #[error("unsupported {name} in the connection string: {reason}")]
    Unsupported {
        /// The part.
        name: &'static str,
        /// The reason, and the remedy.
        reason: &'static str,
    },
    /// `HostName` is not a name or `name:port`.
    #[error("invalid HostName in the connection string: expected a host name or host:port")]
    HostName,
    /// `DeviceId` cannot be a device ID.
    #[error("invalid DeviceId in the connection string: {0}")]
    DeviceId(#[from] DeviceIdError),
    /// The text starts with a quote.
    #[error("the connection string starts with a quote; remove the quotes around it")]
    Quoted,
    /// `SharedAccessKey` is not a key.
    #[error("invalid SharedAccessKey in the connection string: {0}")]
    Key(#[from] KeyError),
}

impl FromStr for ConnectionString {
    type Err = ConnectionStringError;

    /// Reads the parts in any order; a `;` at the end is allowed. Names are spelled as Azure spells them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_quoted(text) {
            return Err(ConnectionStringError::Quoted);
        }
        let [hub, device_id, key] = parts(text)?;
        if Endpoint::parse(hub).is_none() {
            return Err(ConnectionStringError::HostName);
        }
        check_device_id(device_id)?;
        Ok(Self {
            hub: hub.to_owned(),
            device_id: device_id.to_owned(),
            key: SymmetricKey::parse(key)?,
        })
    }
}

/// The values of [`KNOWN`], in that order.
fn parts(text: &str) -> Result<[&str; 3], ConnectionStringError> {
    let mut found = [None; 3];
    let given = text.split(';').filter(|part| !part.is_empty());
    for (index, part) in given.enumerate() {
        let unknown = ConnectionStringError::Unknown(index + 1);
        let (name, value) = part.split_once('=').ok_or(unknown.clone())?;
        supported(name)?;
        let (slot, name) = found
            .iter_mut()
            .zip(KNOWN)
            .find(|(_, known)| *known == name)
            .ok_or(unknown)?;
        if slot.replace(value).is_some() {
            return Err(ConnectionStringError::Repeated(name));
        }
    }
    let [hub, device_id, key] = found;
    Ok([
        present(hub, "HostName")?,
        present(device_id, "DeviceId")?,
        present(key, "SharedAccessKey")?,
    ])
}

fn supported(name: &str) -> Result<(), ConnectionStringError> {
    match UNSUPPORTED
        .iter()
        .find(|(unsupported, _)| *unsupported == name)
    {
        Some(&(name, reason)) => Err(ConnectionStringError::Unsupported { name, reason }),
        None => Ok(()),
    }
}

fn present<'a>(
    value: Option<&'a str>,
    name: &'static str,
) -> Result<&'a str, ConnectionStringError> {
    value
        .filter(|value| !value.is_empty())
        .ok_or(ConnectionStringError::Missing(name))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::{ConnectionStringError as Error, *};

    fn error(text: &str) -> Error {
        text.parse::<ConnectionString>().unwrap_err()
    }

    #[test]
    fn parts_come_in_any_order_and_the_key_may_end_in_equals_signs() {
        for text in [
            "HostName=h.azure-devices.net;DeviceId=d-1;SharedAccessKey=AAECAw==",
            "SharedAccessKey=AAECAw==;DeviceId=d-1;HostName=h.azure-devices.net;",
        ] {
            let parsed: ConnectionString = text.parse().unwrap();
            assert_eq!(parsed.hub, "h.azure-devices.net");
            assert_eq!(parsed.device_id, "d-1");
            let same = |key: &SymmetricKey| key.token("r", Timestamp::UNIX_EPOCH, None);
            let expected = same(&SymmetricKey::parse("AAECAw==").unwrap());
            assert_eq!(same(&parsed.key).expose_secret(), expected.expose_secret());
        }
    }

    #[test]
    fn a_port_stays_with_the_hub_name_and_an_equals_sign_with_the_device_id() {
        let parsed: ConnectionString =
            "HostName=localhost:18883;DeviceId=a=b;SharedAccessKey=AAECAw=="
                .parse()
                .unwrap();
        assert_eq!(parsed.hub, "localhost:18883");
        assert_eq!(parsed.device_id, "a=b");
    }

    #[test]
    fn a_missing_or_empty_part_is_named() {
        assert_eq!(
            error("DeviceId=d;SharedAccessKey=AAECAw=="),
            Error::Missing("HostName")
        );
        assert_eq!(
            error("HostName=h;SharedAccessKey=AAECAw=="),
            Error::Missing("DeviceId")
        );
        assert_eq!(
            error("HostName=h;DeviceId=d;SharedAccessKey="),
            Error::Missing("SharedAccessKey")
        );
        assert_eq!(error(""), Error::Missing("HostName"));
    }

    #[test]
    fn what_is_not_supported_is_named_with_what_to_do() {
        for (name, _) in UNSUPPORTED {
            let text = format!("HostName=h;DeviceId=d;{name}=v;SharedAccessKey=AAECAw==");
            assert!(
                error(&text)
                    .to_string()
                    .starts_with(&format!("unsupported {name} in the connection string: "))
            );
        }
    }

    #[test]
    fn a_part_given_twice_is_named() {
        assert_eq!(
            error("HostName=h;DeviceId=d;HostName=i;SharedAccessKey=AAECAw=="),
            Error::Repeated("HostName")
        );
    }

    #[test]
    fn a_part_that_is_not_understood_is_counted_but_not_shown() {
        assert_eq!(error("HostName=h;hunter2=="), Error::Unknown(2));
        assert_eq!(error("hunter2"), Error::Unknown(1));
        assert_eq!(
            error("hostname=h;DeviceId=d;SharedAccessKey=AAECAw=="),
            Error::Unknown(1)
        );
    }

    #[test]
    fn a_wrong_host_name_or_key_is_refused() {
        assert_eq!(
            error("HostName=h:port;DeviceId=d;SharedAccessKey=AAECAw=="),
            Error::HostName
        );
        assert_eq!(
            error("HostName=h;DeviceId=d;SharedAccessKey=nope!"),
            Error::Key(KeyError::NotBase64)
        );
        assert_eq!(
            error("HostName=h;DeviceId=d;SharedAccessKey=\"AAECAw==\""),
            Error::Key(KeyError::Quoted)
        );
        let quoted = "\"HostName=h;DeviceId=d;SharedAccessKey=AAECAw==\"";
        assert_eq!(error(quoted), Error::Quoted);
    }

    #[test]
    fn a_device_id_that_cannot_be_connected_is_refused_by_its_character() {
        let error = error("HostName=h;DeviceId=LightSensor#1;SharedAccessKey=AAECAw==").to_string();
        for words in ["DeviceId", "`#`", "no MQTT topic"] {
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<ConnectionString>();
        }

        #[test]
        fn parts_are_read_as_they_were_written(
            hub in "[a-z0-9.-]{1,20}(:[0-9]{1,4})?",
            device_id in "[a-zA-Z0-9:.%_*?!(),=@$'-]{1,20}",
            key in "([A-Za-z0-9+/]{4}){1,9}",
            turned in 0..3_usize,
        ) {
            let mut parts = [
                format!("HostName={hub}"),
                format!("DeviceId={device_id}"),
                format!("SharedAccessKey={key}"),
            ];
            parts.rotate_left(turned);
            let parsed: ConnectionString = parts.join(";").parse().unwrap();
            let token = |key: &SymmetricKey| key.token("r", Timestamp::UNIX_EPOCH, None).expose_secret().to_owned();
            prop_assert_eq!(parsed.hub, hub);
            prop_assert_eq!(parsed.device_id, device_id);
            prop_assert_eq!(token(&parsed.key), token(&SymmetricKey::parse(&key).unwrap()));
        }

        #[test]
        fn an_error_shows_no_part_of_a_text(secret in "[Q-Z]{9}", before in "[a-zA-Z]{0,9}=?", after in "[;=]{0,3}") {
            for text in [format!("{before}{secret}{after}"), format!("HostName=h;DeviceId=d;{before}{secret}{after}")] {
                if let Err(error) = text.parse::<ConnectionString>() {
                    let shown = format!("{error} {error:?}");
                    prop_assert!(!shown.contains(&secret), "{shown}");
                }
            }
        }
    }
}
