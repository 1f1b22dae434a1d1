//! Amounts of memory: Flink's notation in, Kubernetes' out.

use sciurus_core::config::MemorySize;

/// Units of Kubernetes that mean the same there and can't be Flink's.
const KUBERNETES_UNITS: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Writes an amount of memory as Kubernetes does. Flink's `2048m` is 2048 MiB, where Kubernetes
/// would read thousandths of a byte.
pub fn memory(text: &str) -> Result<String, String> {
    let text = text.trim();
    let number = KUBERNETES_UNITS.iter().find_map(|unit| text.strip_suffix(unit));
    if let Some(number) = number {
        return match number.parse::<f64>() {
            Ok(number) if number > 0.0 => Ok(text.to_owned()),
            _ => Err(refusal(text)),
        };
    }
    let bytes = text.parse::<MemorySize>().map_err(|_| refusal(text))?.bytes();
    if bytes == 0 {
        return Err(refusal(text));
    }
    let units = [(1_u64 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    let unit = units.iter().find(|(size, _)| bytes.is_multiple_of(*size));
    Ok(unit.map_or_else(|| bytes.to_string(), |(size, name)| format!("{}{name}", bytes / size)))
}

fn refusal(text: &str) -> String {
    format!("'{text}' is no amount of memory: write 2048m, 2g or 2Gi")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_understood_in_either_notation() {
        for (given, expected) in [
            ("2048m", "2Gi"),
            ("1500 mb", "1500Mi"),
            ("2g", "2Gi"),
            ("1Gi", "1Gi"),
            ("1.5Gi", "1.5Gi"),
            ("1000", "1000"),
            ("64kb", "64Ki"),
        ] {
            assert_eq!(memory(given).as_deref(), Ok(expected), "{given}");
        }
        for given in ["", "many", "0", "-1Gi", "xGi", "1.5g"] {
            assert!(memory(given).is_err(), "{given}");
        }
    }
}
