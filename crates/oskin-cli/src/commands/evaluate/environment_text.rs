//! Environments and software for people, and as separated values.

use crate::text::{count, plural, table};
use oskin::report::{EnvironmentReport, EnvironmentTest};

pub(super) fn text_of(report: &EnvironmentReport) -> String {
    let mut text = format!(
        "{} of {} declare an environment",
        plural(report.declaring, "image"),
        count(report.images)
    );
    if report.tested < report.declaring {
        text.push_str(&format!("; {} of them were drawn", count(report.tested)));
    }
    text.push_str(&format!(". Names of variables: {}", report.variables));
    if report.same_names {
        text.push_str(", which all of them declare");
    }
    let families = report.families.iter().map(|it| it.images);
    let large: Vec<u64> = families.filter(|images| *images >= 3).collect();
    let grouped: u64 = large.iter().sum();
    let source = match report.families_from {
        "truth" => "by the file of known parents",
        "paths" => "found by paths",
        _ => "found by lineage",
    };
    text.push_str(&format!(
        ".\nBase families {source}: {} of three images or more, with {}; {} in smaller ones or in none.\n",
        large.len(),
        plural(grouped, "image"),
        report.tested - grouped
    ));
    let packages = report.packages;
    text.push_str(&format!(
        "Packages: told of {}, by name from the records of dpkg of {}, not known of {}.\n\n",
        plural(packages.told, "image"),
        packages.recorded,
        packages.unknown
    ));
    let headings =
        ["ENVIRONMENT", "SOFTWARE", "PAIRS OF", ">IMAGES", ">PAIRS", ">R", ">P", ">RHO", ">P"];
    text.push_str(&table(&headings, report.tests.iter().map(row).collect()));
    let exact = match report.tests.iter().any(|test| test.exact) {
        true => "; where there are fewer orders, each once",
        false => "",
    };
    text.push_str(&format!(
        "\nMantel tests of the similarities of all pairs: r of values (Pearson), rho of ranks (Spearman), p one-sided\n\
         from {} of the images (seed {}){exact}.\n\
         Family held: less what \"of one family or not\" explains. Within families: pairs of one family only, less\n\
         its mean, and images change places with those of their family only.\n\n{}\n",
        plural(report.permutations, "order"),
        report.seed,
        // A part of the answer a line.
        report.summary.replace("? ", "?\n").replace("; ", ";\n")
    ));
    text
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn row(test: &EnvironmentTest) -> Vec<String> {
    vec![
        test.environment.replace('-', " "),
        test.software.to_owned(),
        test.pairs_of.replace('-', " "),
        count(test.images),
        count(test.pairs),
        number(test.r, 3),
        number(test.p, 4),
        number(test.rho, 3),
        number(test.rho_p, 4),
    ]
}

/// The tests, one a line; what cannot be told is empty.
pub(super) fn separated(report: &EnvironmentReport, separator: char) -> String {
    let heading = "environment,software,pairs_of,images,pairs,r,p,rho,rho_p,permutations,exact";
    let mut text = format!("{heading}\n");
    for test in &report.tests {
        let value = |value: Option<f64>| value.map_or_else(String::new, |it| format!("{it:.6}"));
        text.push_str(&format!(
            "{},{},{},{},{},{},{},{},{},{},{}\n",
            test.environment,
            test.software,
            test.pairs_of,
            test.images,
            test.pairs,
            value(test.r),
            value(test.p),
            value(test.rho),
            value(test.rho_p),
            test.permutations,
            test.exact
        ));
    }
    // No cell holds a comma.
    text.replace(',', &separator.to_string())
}
