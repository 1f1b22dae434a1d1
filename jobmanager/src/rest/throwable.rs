//! Failures as Flink's Java clients read them.
//!
//! A `failure-cause` holds a Java-serialised `SerializedThrowable`, which the client deserialises
//! and throws. What is written here is such an object of Flink 2.x without the original exception,
//! so that the client stands it in for that. The format is the Java Object Serialization Stream
//! Protocol, version 5.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

/// Why an operation or a job failed, for a client in Java.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureCause {
    class: String,
    stack_trace: String,
    serialized_throwable: String,
}

impl FailureCause {
    /// Describes a failure by the Java class that clients know it by and a message; `details`
    /// follow on lines of their own.
    pub fn new(class: &str, message: &str, details: Option<&str>) -> Self {
        let headline = format!("{class}: {message}");
        let stack_trace = match details.map(str::trim_end).filter(|text| !text.is_empty()) {
            Some(details) => format!("{headline}\n{details}"),
            None => headline.clone(),
        };
        let bytes = serialized_throwable(class, &headline, &stack_trace);
        Self {
            class: class.to_owned(),
            serialized_throwable: BASE64_STANDARD.encode(bytes),
            stack_trace,
        }
    }
}

/// The stream up to the description of the class, which ends with that of its superclasses.
const HEADER: &[u8] = b"\xac\xed\x00\x05sr\x00\x29org.apache.flink.util.SerializedThrowable\
    \x65\x16\x9d\xf5\x1f\xa7\x13\xf3\x02\x00\x03\
    L\x00\x19fullStringifiedStackTracet\x00\x12Ljava/lang/String;\
    L\x00\x16originalErrorClassNameq\x00\x7e\x00\x01\
    [\x00\x13serializedExceptiont\x00\x02[B\
    xr\x00\x13java.lang.Exception\xd0\xfd\x1f\x3e\x1a\x3b\x1c\xc4\x02\x00\x00\
    xr\x00\x13java.lang.Throwable\xd5\xc6\x35\x27\x39\x77\xb8\xcb\x03\x00\x04\
    L\x00\x05causet\x00\x15Ljava/lang/Throwable;\
    L\x00\x0ddetailMessageq\x00\x7e\x00\x01\
    [\x00\x0astackTracet\x00\x1e[Ljava/lang/StackTraceElement;\
    L\x00\x14suppressedExceptionst\x00\x10Ljava/util/List;xp";

/// An array of `StackTraceElement` without elements.
const NO_STACK_TRACE: &[u8] = b"ur\x00\x1e[Ljava.lang.StackTraceElement;\
    \x02\x46\x2a\x3c\x3c\xfd\x22\x39\x02\x00\x00xp\x00\x00\x00\x00";

const NULL: u8 = 0x70;
const STRING: u8 = 0x74;
const END_BLOCK_DATA: u8 = 0x78;
const LONG_STRING: u8 = 0x7c;

/// Writes the object.
fn serialized_throwable(class: &str, message: &str, stack_trace: &str) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    // Of Throwable: cause, message, stack trace, suppressed exceptions.
    out.push(NULL);
    write_string(&mut out, message);
    out.extend_from_slice(NO_STACK_TRACE);
    out.push(NULL);
    out.push(END_BLOCK_DATA);
    // Of SerializedThrowable: stack trace as a text, class, and no original exception.
    write_string(&mut out, stack_trace);
    write_string(&mut out, class);
    out.push(NULL);
    out
}

/// Writes a text in Java's modified UTF-8: UTF-16 units, each as if it were a character, and the
/// character 0 in two bytes.
fn write_string(out: &mut Vec<u8>, text: &str) {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match unit {
            1..=0x7f => bytes.push(unit as u8),
            0 | 0x80..=0x7ff => {
                bytes.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]);
            }
            _ => bytes.extend([
                0xe0 | (unit >> 12) as u8,
                0x80 | ((unit >> 6) & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]),
        }
    }
    if let Ok(length) = u16::try_from(bytes.len()) {
        out.push(STRING);
        out.extend(length.to_be_bytes());
    } else {
        out.push(LONG_STRING);
        out.extend((bytes.len() as u64).to_be_bytes());
    }
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of what Flink 2.3.0 answered.
    const RECORDED: &str = "rO0ABXNyAClvcmcuYXBhY2hlLmZsaW5rLnV0aWwuU2VyaWFsaXplZFRocm93YWJsZWUWnfUf\
        pxPzAgADTAAZZnVsbFN0cmluZ2lmaWVkU3RhY2tUcmFjZXQAEkxqYXZhL2xhbmcvU3RyaW5nO0wAFm9yaWdpbmFs\
        RXJyb3JDbGFzc05hbWVxAH4AAVsAE3NlcmlhbGl6ZWRFeGNlcHRpb250AAJbQnhy";

    #[test]
    fn the_class_is_described_as_flink_describes_it() {
        let recorded = BASE64_STANDARD.decode(RECORDED).unwrap();
        assert_eq!(&HEADER[..recorded.len()], &recorded[..]);
    }

    #[test]
    fn texts_are_in_modified_utf_8() {
        let written = |text: &str| {
            let mut out = Vec::new();
            write_string(&mut out, text);
            out
        };
        assert_eq!(written("aß"), b"\x74\0\x03a\xc3\x9f");
        assert_eq!(written("\0€"), b"\x74\0\x05\xc0\x80\xe2\x82\xac");
        assert_eq!(written("😀"), b"\x74\0\x06\xed\xa0\xbd\xed\xb8\x80");
        let long = written(&"x".repeat(70_000));
        assert_eq!(&long[..9], b"\x7c\0\0\0\0\0\x01\x11\x70");
    }

    #[test]
    fn details_follow_the_message() {
        let cause = FailureCause::new("a.B", "it broke", Some("  at x\n"));
        assert_eq!(cause.stack_trace, "a.B: it broke\n  at x");
        assert_eq!(FailureCause::new("a.B", "it broke", None).stack_trace, "a.B: it broke");
    }
}
