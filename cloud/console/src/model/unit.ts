import type { Json } from "../json.ts";

/** Symbols of DTDL units; other units are written out. */
const SYMBOLS: Record<string, string> = {
  degreeCelsius: "°C", degreeFahrenheit: "°F", kelvin: "K",
  percent: "%", unity: "",
  metre: "m", centimetre: "cm", millimetre: "mm", micrometre: "µm", kilometre: "km", foot: "ft", inch: "in", mile: "mi",
  metrePerSecond: "m/s", kilometrePerHour: "km/h", milePerHour: "mph", knot: "kn", revolutionPerMinute: "rpm",
  metrePerSecondSquared: "m/s²", gForce: "g",
  degreeOfArc: "°", radian: "rad", degreePerSecond: "°/s", radianPerSecond: "rad/s",
  second: "s", millisecond: "ms", microsecond: "µs", nanosecond: "ns", minute: "min", hour: "h", day: "d", year: "a",
  hertz: "Hz", kilohertz: "kHz", megahertz: "MHz", gigahertz: "GHz",
  gram: "g", kilogram: "kg", tonne: "t", milligram: "mg",
  pascal: "Pa", kilopascal: "kPa", bar: "bar", millibar: "mbar", poundPerSquareInch: "psi",
  volt: "V", millivolt: "mV", kilovolt: "kV", ampere: "A", milliampere: "mA", microampere: "µA",
  ohm: "Ω", kiloohm: "kΩ", megaohm: "MΩ", farad: "F", microfarad: "µF", henry: "H", coulomb: "C",
  watt: "W", milliwatt: "mW", kilowatt: "kW", megawatt: "MW", horsepower: "hp",
  joule: "J", kilojoule: "kJ", kilowattHour: "kWh", electronvolt: "eV",
  newton: "N", newtonMetre: "N·m", lumen: "lm", candela: "cd", lux: "lx",
  litre: "l", millilitre: "ml", cubicMetre: "m³", squareMetre: "m²", hectare: "ha",
  litrePerSecond: "l/s", litrePerHour: "l/h", gramPerCubicMetre: "g/m³", kilogramPerCubicMetre: "kg/m³",
  bit: "bit", kibibit: "Kibit", mebibit: "Mibit", byte: "B", kibibyte: "KiB", mebibyte: "MiB", gibibyte: "GiB",
  bitPerSecond: "bit/s", kibibitPerSecond: "Kibit/s", mebibitPerSecond: "Mibit/s", bytePerSecond: "B/s",
  mebibytePerSecond: "MiB/s", decibel: "dB", bel: "B", tesla: "T", weber: "Wb",
};

/** Returns the symbol of a unit. */
export function unitSymbol(unit: Json | undefined): string | undefined {
  return typeof unit === "string" ? (SYMBOLS[unit] ?? unit) : undefined;
}
