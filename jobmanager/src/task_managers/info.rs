//! What is known of a TaskManager.

use std::collections::BTreeMap;
use std::sync::Arc;

use sciurus_core::ids::{HEX_ID_BYTES, TaskManagerId};
use sciurus_core::time::Timestamp;
use sciurus_rpc::convert::{MessageError, fixed};
use sciurus_rpc::{PROTOCOL_VERSION, proto};

use crate::resource_manager::AllocatedSlot;

/// The longest id of a TaskManager, in bytes.
const MAX_ID_BYTES: usize = 256;

/// The most slots that a TaskManager may offer.
const MAX_SLOTS: u32 = 1 << 15;

/// Tells what a TaskManager is and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskManagerInfo {
    /// What it said of itself.
    pub registration: Arc<Registration>,
    /// When it registered, milliseconds since the epoch.
    pub registered_at: Timestamp,
    /// When it was heard of last, milliseconds since the epoch.
    pub last_heartbeat: Timestamp,
    /// Which of its slots are in use.
    pub allocated: Vec<AllocatedSlot>,
    /// Its own metrics, by Flink's names.
    pub gauges: Arc<BTreeMap<String, f64>>,
}

impl TaskManagerInfo {
    /// Returns its id.
    pub fn id(&self) -> &TaskManagerId {
        &self.registration.id
    }

    /// Returns how many slots nobody has.
    pub fn free_slots(&self) -> u32 {
        self.registration.slots.saturating_sub(self.allocated.len() as u32)
    }
}

/// What a TaskManager says of itself when it registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: TaskManagerId,
    /// Random for each session.
    pub session: [u8; HEX_ID_BYTES],
    /// The host under which its workers are found.
    pub host: String,
    /// Where it can be invited; 0 where it can't.
    pub rpc_port: u16,
    /// How many slots it offers.
    pub slots: u32,
    /// What its executables have to be for: `linux-amd64`.
    pub platform: String,
    /// Its version of Sciurus.
    pub version: String,
    /// The machine.
    pub hardware: Hardware,
    /// How its memory is divided.
    pub memory: MemoryConfiguration,
}

/// The machine that a TaskManager runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// How many processors it has.
    pub cpu_cores: u32,
    /// Its memory.
    pub physical_memory_bytes: u64,
    /// What all job workers may take together.
    pub free_memory_bytes: u64,
    /// What of that is for state.
    pub managed_memory_bytes: u64,
}

/// How a TaskManager's memory is divided, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryConfiguration {
    /// Of all processes together.
    pub total_process: u64,
    /// For the TaskManager itself.
    pub framework: u64,
    /// For user code.
    pub task: u64,
    /// For exchanges.
    pub network: u64,
    /// For state.
    pub managed: u64,
}

/// Says why a TaskManager is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// It speaks another version of the protocol.
    #[error(
        "the TaskManager speaks version {theirs} of the protocol and this JobManager version \
         {PROTOCOL_VERSION}; run the same version of Sciurus (here {}) on both",
        crate::VERSION
    )]
    Protocol {
        /// Its version.
        theirs: u32,
    },
    /// What it says of itself can't be.
    #[error("the TaskManager's {what} can't be used: {reason}")]
    Invalid {
        /// Which part.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// The message makes no sense.
    #[error("the registration can't be read: {0}")]
    Message(#[from] MessageError),
}

impl TryFrom<proto::Register> for Registration {
    type Error = RegistrationError;

    fn try_from(message: proto::Register) -> Result<Self, RegistrationError> {
        if message.protocol != PROTOCOL_VERSION {
            return Err(RegistrationError::Protocol { theirs: message.protocol });
        }
        let session = fixed(&message.session, "session id")?;
        let id = text("id", message.task_manager)?;
        if !(1..=MAX_SLOTS).contains(&message.slots) {
            let reason = format!("it offers {} slots, not 1 to {MAX_SLOTS}", message.slots);
            return Err(RegistrationError::Invalid { what: "number of slots", reason });
        }
        let Ok(rpc_port) = u16::try_from(message.rpc_port) else {
            let reason = format!("there is no port {}", message.rpc_port);
            return Err(RegistrationError::Invalid { what: "port", reason });
        };
        let (hardware, memory) =
            (message.hardware.unwrap_or_default(), message.memory.unwrap_or_default());
        Ok(Self {
            id: TaskManagerId::new(id),
            session,
            host: text("host", message.host)?,
            rpc_port,
            slots: message.slots,
            platform: message.platform,
            version: message.version,
            hardware: Hardware {
                cpu_cores: hardware.cpu_cores,
                physical_memory_bytes: hardware.physical_memory_bytes,
                free_memory_bytes: hardware.free_memory_bytes,
                managed_memory_bytes: hardware.managed_memory_bytes,
            },
            memory: MemoryConfiguration {
                total_process: memory.total_process,
                framework: memory.framework,
                task: memory.task,
                network: memory.network,
                managed: memory.managed,
            },
        })
    }
}

fn text(what: &'static str, text: String) -> Result<String, RegistrationError> {
    let reason = if text.is_empty() {
        "it is empty"
    } else if text.len() > MAX_ID_BYTES {
        "it is too long"
    } else if text.chars().any(|c| c.is_control() || c == '/') {
        "it has characters that an id can't have"
    } else {
        return Ok(text);
    };
    Err(RegistrationError::Invalid { what, reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register() -> proto::Register {
        proto::Register {
            protocol: PROTOCOL_VERSION,
            task_manager: "tm".to_owned(),
            session: vec![1; 16].into(),
            host: "localhost".to_owned(),
            slots: 1,
            ..Default::default()
        }
    }

    fn error(change: impl FnOnce(&mut proto::Register)) -> String {
        let mut message = register();
        change(&mut message);
        Registration::try_from(message).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        assert!(Registration::try_from(register()).is_ok());
        assert!(error(|m| m.protocol = 99).contains("version 99 of the protocol"));
        assert!(error(|m| m.slots = 0).contains("0 slots"));
        assert!(error(|m| m.slots = u32::MAX).contains("number of slots"));
        assert!(error(|m| m.rpc_port = 70_000).contains("no port 70000"));
        assert!(error(|m| m.session = vec![1; 3].into()).contains("3 bytes instead of 16"));
        assert!(error(|m| m.task_manager.clear()).contains("id can't be used: it is empty"));
        assert!(error(|m| m.task_manager = "x".repeat(1000)).contains("too long"));
        assert!(error(|m| m.host = "../x".to_owned()).contains("host can't be used"));
    }
}
