//! Device IDs: the characters IoT Hub and MQTT topics allow.

/// The length limit of a device ID in IoT Hub.
const MAX_LENGTH: usize = 128;
/// The special characters of a device ID that topics can carry.
const SPECIAL: &str = "-:.%_*?!(),=@$'";

/// The error of a text that cannot be a device ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceIdError {
    /// A wildcard of MQTT. IoT Hub's registry accepts such IDs, but their devices cannot send anything.
    #[error(
        "it contains `{0}`, which no MQTT topic can carry; register the device under an ID without it"
    )]
    Wildcard(char),
    /// A character that no device ID has.
    #[error("it contains {0:?}; a device ID has letters, digits and {SPECIAL} only")]
    Character(char),
    /// Longer than IoT Hub allows.
    #[error("it has more than {MAX_LENGTH} characters")]
    TooLong,
    /// Empty.
    #[error("it is empty")]
    Empty,
}

/// Checks that a device with this ID can be connected.
///
/// # Errors
/// The ID has a character or a length that IoT Hub or MQTT does not allow.
pub fn check_device_id(id: &str) -> Result<(), DeviceIdError> {
    let allowed =
        |character: &char| character.is_ascii_alphanumeric() || SPECIAL.contains(*character);
    match id.chars().find(|character| !allowed(character)) {
        Some(wildcard @ ('#' | '+')) => Err(DeviceIdError::Wildcard(wildcard)),
        Some(other) => Err(DeviceIdError::Character(other)),
        None if id.is_empty() => Err(DeviceIdError::Empty),
        None if id.len() > MAX_LENGTH => Err(DeviceIdError::TooLong),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_of_real_devices_are_allowed() {
        for id in [
            "thermostat-01",
            "n@m.et!st",
            "p%20q",
            "50%",
            "q?r",
            "a*b",
            "x(1)",
            "d=1,2",
            "bo'b",
            "d$1",
            "a:b",
        ] {
            assert_eq!(check_device_id(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn the_first_character_that_is_not_allowed_is_named() {
        for (id, error) in [
            ("LightSensor#1", DeviceIdError::Wildcard('#')),
            ("+44-090809098", DeviceIdError::Wildcard('+')),
            ("a/b#", DeviceIdError::Character('/')),
            ("a b", DeviceIdError::Character(' ')),
            ("gerät", DeviceIdError::Character('ä')),
            ("", DeviceIdError::Empty),
        ] {
            assert_eq!(check_device_id(id), Err(error), "{id}");
        }
        assert_eq!(check_device_id(&"a".repeat(128)), Ok(()));
        assert_eq!(
            check_device_id(&"a".repeat(129)),
            Err(DeviceIdError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn an_allowed_id_is_one_level_of_a_topic(id in ".{0,140}") {
            if check_device_id(&id).is_ok() {
                prop_assert!(!id.contains(['#', '+', '/', '\0']) && !id.is_empty() && id.len() <= 128);
            }
        }
    }
}
