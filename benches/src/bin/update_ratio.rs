//! Measures one update of a kept translation among few routes and among many, and fails when the larger costs more.
//!
//! The sizes take turns, and medians of time are compared, so that a busy machine does not decide. Allocations are counted
//! too: they are the same on every machine, and the test of the shape that continuous integration runs (`--smoke`) goes by
//! them alone.

use std::alloc::System;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chancery_benches::malls::{self, Edit};
use chancery_benches::shops;
use chancery_translator::{Change, Options, Translator, translate};
use clap::Parser;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Compares the cost of one update at two sizes.
#[derive(Parser)]
struct Arguments {
    /// The smaller number of routes.
    #[arg(long, default_value_t = 500)]
    few: usize,
    /// The larger number of routes.
    #[arg(long, default_value_t = 50_000)]
    many: usize,
    /// Updates of each kind and size.
    #[arg(long, default_value_t = 400)]
    updates: usize,
    /// What the ratio of times may be.
    #[arg(long, default_value_t = 1.2)]
    limit: f64,
    /// Edit all over the larger world, and not in as many namespaces as in the smaller: what is edited is then in no cache of
    /// the processor.
    #[arg(long)]
    everywhere: bool,
    /// Small numbers, and only allocations are compared.
    #[arg(long)]
    smoke: bool,
}

/// What allocations of two sizes may differ by: maps grow in steps.
const ALLOCATED_LIMIT: f64 = 1.2;

/// What one update cost.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    allocated: usize,
}

struct Stand {
    translator: Translator,
    namespaces: usize,
    number: usize,
}

impl Stand {
    fn new(routes: usize) -> Stand {
        let mut translator = Translator::new(Options::default());
        translator.update(malls::world(routes));
        Stand { translator, namespaces: malls::namespaces(routes), number: 0 }
    }

    /// An edit and its undoing, in one of this many namespaces, in turn. Each is half the cost.
    fn edit(&mut self, edit: Edit, among: usize) -> Cost {
        self.number += 1;
        let namespace = self.number % among * (self.namespaces / among);
        let changes = [edit.change(namespace, 1), edit.change(namespace, 0)];
        let region = Region::new(ALLOCATOR);
        let began = Instant::now();
        for change in changes {
            self.translator.update([change]);
        }
        Cost { time: began.elapsed() / 2, allocated: region.change().bytes_allocated / 2 }
    }
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

fn micros(time: Option<Duration>) -> f64 {
    time.unwrap_or_default().as_secs_f64() * 1e6
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if arguments.smoke {
        (arguments.few, arguments.many, arguments.updates) = (100, 1_000, 20);
    }
    let Arguments { few, many, updates, limit, everywhere, smoke } = arguments;
    let near = malls::namespaces(few);
    let far = if everywhere { malls::namespaces(many) } else { near };
    let (mut small, mut large) = (Stand::new(few), Stand::new(many));
    let mut code = ExitCode::SUCCESS;
    println!("Many Gateways of {} routes each; one update, medians:\n", malls::ROUTES);
    println!(
        "| change | N={few} | N={many} | ratio | allocated, N={few} | N={many} | ratio |\n|---|---|---|---|---|---|---|"
    );
    for edit in Edit::ALL {
        let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
        for _ in 0..updates {
            of_small.push(small.edit(edit, near));
            of_large.push(large.edit(edit, far));
        }
        let time = |of: &[Cost]| micros(median(of.iter().map(|cost| cost.time).collect()));
        let bytes = |of: &[Cost]| median(of.iter().map(|cost| cost.allocated).collect()).unwrap_or(0);
        let (few_time, many_time) = (time(&of_small), time(&of_large));
        let (few_bytes, many_bytes) = (bytes(&of_small), bytes(&of_large));
        let (times, allocated) = (many_time / few_time, many_bytes as f64 / few_bytes.max(1) as f64);
        println!(
            "| {} | {few_time:.1} µs | {many_time:.1} µs | {times:.2} | {few_bytes} B | {many_bytes} B | {allocated:.2} |",
            edit.label()
        );
        if (!smoke && times > limit) || allocated > ALLOCATED_LIMIT {
            eprintln!("{}: {times:.2} times the time, {allocated:.2} times the bytes", edit.label());
            code = ExitCode::FAILURE;
        }
    }
    one_table(if smoke { &[100, 200] } else { &[500, 5_000, 50_000] }, updates.min(50));
    code
}

/// Where one Gateway has all routes in one table, that table is put together anew, and compared with a whole translation.
fn one_table(sizes: &[usize], updates: usize) {
    println!("\nOne Gateway, one route table; one update, medians, and a whole translation beside it:\n");
    println!("| N | a route's filter | an address | everything |\n|---|---|---|---|");
    for routes in sizes {
        let world = shops::world(*routes, 100);
        let mut translator = Translator::new(Options::default());
        let objects = chancery_translator::api::Kind::ALL.into_iter().flat_map(|kind| world.ids(kind));
        let all: Vec<Change> = objects.filter_map(|id| world.get(&id)).map(Change::Put).collect();
        translator.update(all);
        let mut time = |change: &dyn Fn(bool) -> Change| {
            let times = (0..updates).map(|number| {
                let change = change(number % 2 == 0);
                let began = Instant::now();
                translator.update([change]);
                began.elapsed()
            });
            micros(median(times.collect()))
        };
        let route = time(&|edited| shops::edited_route(0, 100, edited));
        let address = time(&shops::edited_slice);
        let whole = (0..3).map(|_| {
            let began = Instant::now();
            let whole = translate(&world, &Options::default());
            let time = began.elapsed();
            drop(whole);
            time
        });
        println!("| {routes} | {route:.0} µs | {address:.1} µs | {:.0} µs |", micros(whole.min()));
    }
}
