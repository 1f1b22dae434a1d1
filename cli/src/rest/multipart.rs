//! The body of an upload: one file as `multipart/form-data`, read while it is sent.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

type Text = Cursor<Vec<u8>>;

/// Holds a file in the form in which it is uploaded.
pub struct Upload {
    body: io::Chain<io::Chain<Text, File>, Text>,
    bytes: u64,
    boundary: String,
}

impl Upload {
    /// Opens the file; `name` is what the JobManager will call it.
    ///
    /// # Errors
    /// What the operating system says if the file can't be read.
    pub fn of(path: &Path, name: &str, boundary: String) -> io::Result<Self> {
        let file = File::open(path)?;
        let file_bytes = file.metadata()?.len();
        // A name with these would end the header early.
        let name = name.replace(['"', '\r', '\n'], "_");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"jarfile\"; \
             filename=\"{name}\"\r\nContent-Type: application/x-java-archive\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let bytes = head.len() as u64 + file_bytes + tail.len() as u64;
        let body = Cursor::new(head.into_bytes()).chain(file).chain(Cursor::new(tail.into_bytes()));
        Ok(Self { body, bytes, boundary })
    }

    /// Returns how long the body is, in bytes.
    pub fn body_bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the value of the header `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_one_part_as_long_as_it_says() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jar");
        std::fs::write(&path, b"content").unwrap();
        let mut upload = Upload::of(&path, "a\"b.jar", "EDGE".to_owned()).unwrap();
        assert_eq!(upload.content_type(), "multipart/form-data; boundary=EDGE");
        let mut body = String::new();
        upload.read_to_string(&mut body).unwrap();
        assert_eq!(body.len() as u64, upload.body_bytes());
        let expected = "--EDGE\r\nContent-Disposition: form-data; name=\"jarfile\"; \
                        filename=\"a_b.jar\"\r\nContent-Type: application/x-java-archive\r\n\r\n\
                        content\r\n--EDGE--\r\n";
        assert_eq!(body, expected);
    }
}
