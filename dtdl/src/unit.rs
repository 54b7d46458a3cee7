//! Semantic types (Temperature) and the units they are measured in (degreeCelsius), as DTDL v2 lists them.

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// A unit a value is measured in. Serialised as its name and its symbol.
///
/// DTDL v2 knows 172 units; models of v3, and elements with types of extensions, may name others, which have no symbol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unit(Arc<str>);

impl Unit {
    /// The unit of this name.
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name in DTDL, such as `degreeCelsius`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Returns the symbol after a value, such as `°C`. Empty for `unity`; `None` for units unknown to DTDL v2.
    pub fn symbol(&self) -> Option<&'static str> {
        symbol(&self.0)
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut unit = serializer.serialize_struct("Unit", 2)?;
        unit.serialize_field("name", self.name())?;
        unit.serialize_field("symbol", self.symbol().unwrap_or(self.name()))?;
        unit.end()
    }
}

/// The symbol of a unit of DTDL v2, such as `°C` of `degreeCelsius`.
pub fn symbol(unit: &str) -> Option<&'static str> {
    units()
        .find(|(name, _)| *name == unit)
        .map(|(_, symbol)| symbol)
}

/// Every unit of DTDL v2 with its symbol.
pub fn units() -> impl Iterator<Item = (&'static str, &'static str)> {
    UNIT_TYPES
        .iter()
        .flat_map(|(_, units)| units.iter().copied())
}

/// The names of the units a semantic type of DTDL v2 may be measured in; none if there is no such type.
pub fn units_of(semantic_type: &str) -> Option<Vec<&'static str>> {
    let (_, unit_type) = SEMANTIC_TYPES
        .iter()
        .find(|(name, _)| *name == semantic_type)?;
    let (_, units) = UNIT_TYPES.iter().find(|(name, _)| name == unit_type)?;
    Some(units.iter().map(|(name, _)| *name).collect())
}

/// The unit type of each semantic type.
#[rustfmt::skip] // A table: one line for each type.
const SEMANTIC_TYPES: [(&str, &str); 42] = [
    ("Acceleration", "AccelerationUnit"),
    ("Angle", "AngleUnit"),
    ("AngularAcceleration", "AngularAccelerationUnit"),
    ("AngularVelocity", "AngularVelocityUnit"),
    ("Area", "AreaUnit"),
    ("Capacitance", "CapacitanceUnit"),
    ("Current", "CurrentUnit"),
    ("DataRate", "DataRateUnit"),
    ("DataSize", "DataSizeUnit"),
    ("Density", "DensityUnit"),
    ("Distance", "LengthUnit"),
    ("ElectricCharge", "ChargeUnit"),
    ("Energy", "EnergyUnit"),
    ("Force", "ForceUnit"),
    ("Frequency", "FrequencyUnit"),
    ("Humidity", "DensityUnit"),
    ("Illuminance", "IlluminanceUnit"),
    ("Inductance", "InductanceUnit"),
    ("Latitude", "AngleUnit"),
    ("Length", "LengthUnit"),
    ("Longitude", "AngleUnit"),
    ("Luminance", "LuminanceUnit"),
    ("Luminosity", "PowerUnit"),
    ("LuminousFlux", "LuminousFluxUnit"),
    ("LuminousIntensity", "LuminousIntensityUnit"),
    ("MagneticFlux", "MagneticFluxUnit"),
    ("MagneticInduction", "MagneticInductionUnit"),
    ("Mass", "MassUnit"),
    ("MassFlowRate", "MassFlowRateUnit"),
    ("Power", "PowerUnit"),
    ("Pressure", "PressureUnit"),
    ("RelativeHumidity", "Unitless"),
    ("Resistance", "ResistanceUnit"),
    ("SoundPressure", "SoundPressureUnit"),
    ("Temperature", "TemperatureUnit"),
    ("Thrust", "ForceUnit"),
    ("TimeSpan", "TimeUnit"),
    ("Torque", "TorqueUnit"),
    ("Velocity", "VelocityUnit"),
    ("Voltage", "VoltageUnit"),
    ("Volume", "VolumeUnit"),
    ("VolumeFlowRate", "VolumeFlowRateUnit"),
];

/// The units of each unit type, and the symbol of each.
#[rustfmt::skip] // A table: one line for each type.
const UNIT_TYPES: [(&str, &[(&str, &str)]); 36] = [
    ("AccelerationUnit", &[
        ("centimetrePerSecondSquared", "cm/s²"), ("gForce", "g₀"), ("metrePerSecondSquared", "m/s²"),
    ]),
    ("AngleUnit", &[
        ("degreeOfArc", "°"), ("minuteOfArc", "′"), ("radian", "rad"), ("secondOfArc", "″"), ("turn", "tr"),
    ]),
    ("AngularAccelerationUnit", &[("radianPerSecondSquared", "rad/s²")]),
    ("AngularVelocityUnit", &[
        ("degreePerSecond", "°/s"), ("radianPerSecond", "rad/s"), ("revolutionPerMinute", "rpm"),
        ("revolutionPerSecond", "r/s"),
    ]),
    ("AreaUnit", &[
        ("acre", "ac"), ("hectare", "ha"), ("squareCentimetre", "cm²"), ("squareFoot", "ft²"), ("squareInch", "in²"),
        ("squareKilometre", "km²"), ("squareMetre", "m²"), ("squareMillimetre", "mm²"),
    ]),
    ("CapacitanceUnit", &[
        ("farad", "F"), ("microfarad", "µF"), ("millifarad", "mF"), ("nanofarad", "nF"), ("picofarad", "pF"),
    ]),
    ("ChargeUnit", &[("coulomb", "C")]),
    ("CurrentUnit", &[("ampere", "A"), ("microampere", "µA"), ("milliampere", "mA")]),
    ("DataRateUnit", &[
        ("bitPerSecond", "bit/s"), ("bytePerSecond", "B/s"), ("exbibitPerSecond", "Eibit/s"),
        ("exbibytePerSecond", "EiB/s"), ("gibibitPerSecond", "Gibit/s"), ("gibibytePerSecond", "GiB/s"),
        ("kibibitPerSecond", "Kibit/s"), ("kibibytePerSecond", "KiB/s"), ("mebibitPerSecond", "Mibit/s"),
        ("mebibytePerSecond", "MiB/s"), ("tebibitPerSecond", "Tibit/s"), ("tebibytePerSecond", "TiB/s"),
        ("yobibitPerSecond", "Yibit/s"), ("yobibytePerSecond", "YiB/s"), ("zebibitPerSecond", "Zibit/s"),
        ("zebibytePerSecond", "ZiB/s"),
    ]),
    ("DataSizeUnit", &[
        ("bit", "bit"), ("byte", "B"), ("exbibit", "Eibit"), ("exbibyte", "EiB"), ("gibibit", "Gibit"),
        ("gibibyte", "GiB"), ("kibibit", "Kibit"), ("kibibyte", "KiB"), ("mebibit", "Mibit"), ("mebibyte", "MiB"),
        ("tebibit", "Tibit"), ("tebibyte", "TiB"), ("yobibit", "Yibit"), ("yobibyte", "YiB"), ("zebibit", "Zibit"),
        ("zebibyte", "ZiB"),
    ]),
    ("DensityUnit", &[("gramPerCubicMetre", "g/m³"), ("kilogramPerCubicMetre", "kg/m³")]),
    ("EnergyUnit", &[
        ("electronvolt", "eV"), ("gigajoule", "GJ"), ("joule", "J"), ("kilojoule", "kJ"), ("kilowattHour", "kWh"),
        ("megaelectronvolt", "MeV"), ("megajoule", "MJ"),
    ]),
    ("ForceUnit", &[("newton", "N"), ("ounce", "ozf"), ("pound", "lbf"), ("ton", "tonf")]),
    ("FrequencyUnit", &[("gigahertz", "GHz"), ("hertz", "Hz"), ("kilohertz", "kHz"), ("megahertz", "MHz")]),
    ("IlluminanceUnit", &[("footcandle", "fc"), ("lux", "lx")]),
    ("InductanceUnit", &[("henry", "H"), ("microhenry", "µH"), ("millihenry", "mH")]),
    ("LengthUnit", &[
        ("astronomicalUnit", "au"), ("centimetre", "cm"), ("foot", "ft"), ("inch", "in"), ("kilometre", "km"),
        ("metre", "m"), ("micrometre", "µm"), ("mile", "mi"), ("millimetre", "mm"), ("nanometre", "nm"),
        ("nauticalMile", "nmi"),
    ]),
    ("LuminanceUnit", &[("candelaPerSquareMetre", "cd/m²")]),
    ("LuminousFluxUnit", &[("lumen", "lm")]),
    ("LuminousIntensityUnit", &[("candela", "cd")]),
    ("MagneticFluxUnit", &[("maxwell", "Mx"), ("weber", "Wb")]),
    ("MagneticInductionUnit", &[("tesla", "T")]),
    ("MassFlowRateUnit", &[
        ("gramPerHour", "g/h"), ("gramPerSecond", "g/s"), ("kilogramPerHour", "kg/h"), ("kilogramPerSecond", "kg/s"),
    ]),
    ("MassUnit", &[
        ("gram", "g"), ("kilogram", "kg"), ("microgram", "µg"), ("milligram", "mg"), ("slug", "slug"),
        ("tonne", "t"),
    ]),
    ("PowerUnit", &[
        ("gigawatt", "GW"), ("horsepower", "hp"), ("kilowatt", "kW"), ("kilowattHourPerYear", "kWh/a"),
        ("megawatt", "MW"), ("microwatt", "µW"), ("milliwatt", "mW"), ("watt", "W"),
    ]),
    ("PressureUnit", &[
        ("bar", "bar"), ("inchesOfMercury", "inHg"), ("inchesOfWater", "inH₂O"), ("kilopascal", "kPa"),
        ("millibar", "mbar"), ("millimetresOfMercury", "mmHg"), ("pascal", "Pa"), ("poundPerSquareInch", "psi"),
    ]),
    ("ResistanceUnit", &[("kiloohm", "kΩ"), ("megaohm", "MΩ"), ("milliohm", "mΩ"), ("ohm", "Ω")]),
    ("SoundPressureUnit", &[("bel", "B"), ("decibel", "dB")]),
    ("TemperatureUnit", &[("degreeCelsius", "°C"), ("degreeFahrenheit", "°F"), ("kelvin", "K")]),
    ("TimeUnit", &[
        ("day", "d"), ("hour", "h"), ("microsecond", "µs"), ("millisecond", "ms"), ("minute", "min"),
        ("nanosecond", "ns"), ("second", "s"), ("year", "a"),
    ]),
    ("TorqueUnit", &[("newtonMetre", "N·m")]),
    ("Unitless", &[("percent", "%"), ("unity", "")]),
    ("VelocityUnit", &[
        ("centimetrePerSecond", "cm/s"), ("kilometrePerHour", "km/h"), ("kilometrePerSecond", "km/s"),
        ("knot", "kn"), ("metrePerHour", "m/h"), ("metrePerSecond", "m/s"), ("milePerHour", "mph"),
        ("milePerSecond", "mi/s"),
    ]),
    ("VoltageUnit", &[("kilovolt", "kV"), ("megavolt", "MV"), ("microvolt", "µV"), ("millivolt", "mV"), ("volt", "V")]),
    ("VolumeFlowRateUnit", &[
        ("litrePerHour", "L/h"), ("litrePerSecond", "L/s"), ("millilitrePerHour", "mL/h"),
        ("millilitrePerSecond", "mL/s"),
    ]),
    ("VolumeUnit", &[
        ("cubicCentimetre", "cm³"), ("cubicFoot", "ft³"), ("cubicInch", "in³"), ("cubicMetre", "m³"),
        ("fluidOunce", "fl oz"), ("gallon", "gal"), ("litre", "L"), ("millilitre", "mL"),
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_semantic_type_has_units_and_every_unit_is_of_one_type() {
        for (semantic_type, _) in SEMANTIC_TYPES {
            assert!(
                !units_of(semantic_type).unwrap().is_empty(),
                "{semantic_type}"
            );
        }
        let mut names: Vec<_> = units().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 172);
        for (unit_type, _) in UNIT_TYPES {
            let used = SEMANTIC_TYPES.iter().any(|(_, used)| *used == unit_type);
            assert!(used, "{unit_type}");
        }
    }

    #[test]
    fn a_unit_has_a_symbol() {
        assert_eq!(symbol("degreeCelsius"), Some("°C"));
        assert_eq!(symbol("kibibyte"), Some("KiB"));
        assert_eq!(symbol("furlong"), None);
        assert_eq!(Unit::new("furlong").symbol(), None);
    }

    #[test]
    fn humidity_is_a_density_and_relative_humidity_a_ratio() {
        assert_eq!(
            units_of("Humidity").unwrap(),
            ["gramPerCubicMetre", "kilogramPerCubicMetre"]
        );
        assert_eq!(units_of("RelativeHumidity").unwrap(), ["percent", "unity"]);
        assert_eq!(units_of("Telemetry"), None);
    }

    #[test]
    fn a_unit_is_serialised_with_what_to_write_for_it() {
        let shown = |name| serde_json::to_value(Unit::new(name)).unwrap();
        assert_eq!(
            shown("kelvin"),
            serde_json::json!({"name": "kelvin", "symbol": "K"})
        );
        assert_eq!(shown("furlong")["symbol"], "furlong");
    }
}
