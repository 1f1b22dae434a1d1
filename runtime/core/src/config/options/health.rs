//! Health, for whoever watches over processes.

super::options! {
    title: "Health";

    /// Port on which a TaskManager answers `GET /livez` (it works) and `GET /readyz` (it is
    /// registered with a JobManager, or will be within a second); 0 for none. A JobManager answers both at its REST API's port.
    PORT: u16 = "health.port"
        .default(|| 0)
        .example("8085");
}
