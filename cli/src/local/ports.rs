//! Whether ports are free, before processes are started that would fail for them.

use std::net::TcpListener;

use sciurus_core::config::Ports;

use super::LocalError;

/// Listens on the first port that can be had; for port 0 the system chooses one. While the listener
/// lives nobody else gets the port.
///
/// # Errors
/// [`LocalError::Port`] if all are taken, with the reason of the first.
pub fn free(
    host: &str,
    ports: &Ports,
    key: &'static str,
) -> Result<(u16, TcpListener), LocalError> {
    let mut first_error = None;
    for port in ports.iter() {
        let listener = TcpListener::bind((host, port));
        match listener.and_then(|listener| Ok((listener.local_addr()?.port(), listener))) {
            Ok(free) => return Ok(free),
            Err(source) => {
                let error = || LocalError::Port { host: host.to_owned(), port, key, source };
                first_error.get_or_insert_with(error);
            }
        }
    }
    let port = ports.first();
    Err(first_error.unwrap_or_else(|| LocalError::Port {
        host: host.to_owned(),
        port,
        key,
        source: std::io::ErrorKind::AddrInUse.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_port_is_taken() {
        let taken = TcpListener::bind(("localhost", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = free("localhost", &Ports::one(port), "rest.port").unwrap_err().to_string();
        let start = format!("cannot listen on localhost:{port} (rest.port): ");
        assert!(error.starts_with(&start), "{error}");
        assert!(error.contains("by -Drest.port=PORT"), "{error}");
        let ports = format!("{port},0").parse().unwrap();
        let (free, _listener) = free("localhost", &ports, "rest.port").unwrap();
        assert!(free != port && free != 0);
    }
}
