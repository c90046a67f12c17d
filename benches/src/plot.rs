//! Plots of costs against sizes, as SVG.

use std::path::Path;

use plotters::prelude::{
    BLACK, ChartBuilder, Circle, Color, IntoDrawingArea, IntoLogRange, LineSeries, Palette, Palette99, PathElement,
    SVGBackend, SeriesLabelPosition, WHITE,
};

use crate::stand::Failure;

/// One line of a plot.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is of.
    pub label: String,
    /// Size and cost.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// A line without points.
    pub fn new(label: &str) -> Line {
        Line { label: label.to_owned(), points: Vec::new() }
    }
}

/// Draws lines on two logarithmic scales.
///
/// # Errors
/// When the file cannot be written.
pub fn plot(file: &Path, title: &str, size: &str, unit: &str, lines: &[Line]) -> Result<(), Failure> {
    let all = || lines.iter().flat_map(|line| &line.points).filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let least = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(0.0, f64::max);
    let root = SVGBackend::new(file, (720, 440)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (least(|point| point.0)..most(|point| point.0) * 1.1).log_scale(),
            (least(|point| point.1) / 1.5..most(|point| point.1) * 1.5).log_scale(),
        )?;
    chart.configure_mesh().x_desc(size).y_desc(unit).draw()?;
    for (at, line) in lines.iter().enumerate() {
        let color = Palette99::pick(at).to_rgba();
        let points: Vec<(f64, f64)> = line.points.iter().copied().filter(|(x, y)| *x > 0.0 && *y > 0.0).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?
            .label(&line.label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
