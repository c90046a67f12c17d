//! What the rows look like against the number of resources, and of streams.

use std::path::Path;

use super::Lab;
use crate::lab::fan_out::CPU_PER_CHANGE;
use crate::lab::row::Row;
use crate::plot::{Line, plot};
use crate::stand::Failure;

/// What a plot is against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    Resources,
    Streams,
}

struct Plot {
    file: &'static str,
    title: &'static str,
    workload: &'static str,
    against: Against,
    unit: &'static str,
    cost: fn(&Row) -> Option<f64>,
}

const PLOTS: &[Plot] = &[
    Plot {
        file: "fan-out-cpu-by-R.svg",
        title: "L1: server CPU per change against resources",
        workload: "L1",
        against: Against::Resources,
        unit: "ms",
        cost: |row| row.figure(CPU_PER_CHANGE),
    },
    Plot {
        file: "fan-out-cpu-by-P.svg",
        title: "L1: server CPU per change against streams",
        workload: "L1",
        against: Against::Streams,
        unit: "ms",
        cost: |row| row.figure(CPU_PER_CHANGE),
    },
    Plot {
        file: "fan-out-ack-by-R.svg",
        title: "L1: change to last acceptance, median, against resources",
        workload: "L1",
        against: Against::Resources,
        unit: "ms",
        cost: |row| row.ack_p50_ms,
    },
    Plot {
        file: "herd-cpu-by-P.svg",
        title: "L3: server CPU of a cold herd against streams",
        workload: "L3",
        against: Against::Streams,
        unit: "s",
        cost: |row| Some(row.cpu_s),
    },
    Plot {
        file: "herd-time-by-P.svg",
        title: "L3: time until the last stream has everything, against streams",
        workload: "L3",
        against: Against::Streams,
        unit: "s",
        cost: |row| row.figure("complete s"),
    },
    Plot {
        file: "hosts-cpu-by-V.svg",
        title: "L5: server CPU per change of one host, against hosts",
        workload: "L5",
        against: Against::Resources,
        unit: "ms",
        cost: |row| row.figure(CPU_PER_CHANGE),
    },
    Plot {
        file: "idle-memory-by-R.svg",
        title: "L6: memory of an idle stream against its names",
        workload: "L6",
        against: Against::Resources,
        unit: "bytes",
        cost: |row| row.figure("RSS B/stream"),
    },
];

impl Lab {
    /// Writes all rows as `lab.json`, and plots of those that were measured at several sizes.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write_to(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)?;
        // Whoever ends the run in between finds what was there before.
        std::fs::write(folder.join("lab.json.new"), serde_json::to_string_pretty(self)? + "\n")?;
        std::fs::rename(folder.join("lab.json.new"), folder.join("lab.json"))?;
        for one in PLOTS {
            let lines = one.lines(&self.rows);
            if !lines.is_empty() {
                let size = if one.against == Against::Resources { "R" } else { "P" };
                plot(&folder.join(one.file), one.title, size, one.unit, &lines)?;
            }
        }
        Ok(())
    }
}

impl Plot {
    /// A line for each server and each number of what does not vary, where there are two points at least.
    fn lines(&self, rows: &[Row]) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for row in rows.iter().filter(|row| row.workload == self.workload) {
            let Some(cost) = (self.cost)(row) else { continue };
            let (size, fixed) = match self.against {
                Against::Resources => (row.resources, format!("P={}", row.streams)),
                Against::Streams => (row.streams, format!("R={}", row.resources)),
            };
            // What a case says beside its sizes: the variant, the form, the time.
            let rest: Vec<&str> = row.case.split(' ').filter(|word| !word.contains('=')).collect();
            let label = format!("{}, {fixed} {}", row.server, rest.join(" ")).trim_end().to_owned();
            match lines.iter_mut().find(|line| line.label == label) {
                Some(line) => line.points.push((size as f64, cost)),
                None => lines.push(Line { label, points: vec![(size as f64, cost)] }),
            }
        }
        lines.retain(|line| line.points.len() > 1);
        lines.iter_mut().for_each(|line| line.points.sort_by(|one, other| one.0.total_cmp(&other.0)));
        lines
    }
}
