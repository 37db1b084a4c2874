//! How long one waits before trying again, and when one gives up.

use super::options::{RegistryOptions, Timeouts};
use std::time::Duration;

/// The retries that are left to one request or blob.
#[derive(Debug)]
pub(super) struct Patience {
    timeouts: Timeouts,
    retries: u32,
    used: u32,
    waited: Duration,
}

impl Patience {
    pub(super) fn new(options: &RegistryOptions) -> Self {
        let (timeouts, retries) = (options.timeouts.clone(), options.retries);
        Self { timeouts, retries, used: 0, waited: Duration::ZERO }
    }

    /// Waits before another attempt, as long as the registry asks for if it does. Otherwise says
    /// why there shall be none.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> Result<(), String> {
        let wait = self.next(asked)?;
        std::thread::sleep(wait);
        Ok(())
    }

    fn next(&mut self, asked: Option<Duration>) -> Result<Duration, String> {
        let longest = self.timeouts.longest_wait;
        if let Some(asked) = asked.filter(|asked| *asked > longest) {
            let seconds = asked.as_secs();
            return Err(format!("and asks to come back in {seconds} s"));
        }
        if self.used >= self.retries {
            return Err(match self.used {
                0 => String::new(),
                1 => "also when asked again".to_owned(),
                used => format!("also when asked {used} more times"),
            });
        }
        let growing = self.timeouts.first_wait.saturating_mul(1 << self.used.min(16));
        let wait = asked.unwrap_or(growing).min(longest);
        if self.waited + wait > self.timeouts.all_waits {
            let seconds = self.waited.as_secs_f64();
            return Err(format!("also after {seconds:.0} s of waiting"));
        }
        self.used += 1;
        self.waited += wait;
        Ok(wait)
    }

    /// Something was gained since the last attempt, so that counting begins anew.
    pub(super) fn renew(&mut self) {
        self.used = 0;
        self.waited = Duration::ZERO;
    }
}

/// What `Retry-After` asks for: seconds, or a date, which is told from the date of the answer so
/// that no clock need be right.
pub(super) fn retry_after(asked: &str, date: Option<&str>) -> Option<Duration> {
    let asked = asked.trim();
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::MAX)));
    }
    let (until, now) = (seconds(asked)?, seconds(date?)?);
    Some(Duration::from_secs(u64::try_from(until - now).unwrap_or_default()))
}

/// A date of HTTP, `Sun, 06 Nov 1994 08:49:37 GMT`, as seconds since 1970.
fn seconds(date: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = date.trim().split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else { return None };
    let number = |text: &str, most: i64| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i64| is_number && *number <= most)
    };
    let month = i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let (day, year) = (number(day, 31)?, number(year, 9999)?);
    let clock: Vec<&str> = time.split(':').collect();
    let [hours, minutes, seconds] = clock[..] else { return None };
    let (hours, minutes) = (number(hours, 23)?, number(minutes, 59)?);
    // Days since 1970 by the proleptic Gregorian calendar, years begun in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + number(seconds, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(retries: u32) -> Patience {
        Patience::new(&RegistryOptions { retries, ..RegistryOptions::default() })
    }

    #[test]
    fn waits_grow_and_end() {
        let mut patience = patience(9);
        let waits: Vec<f64> = std::iter::from_fn(|| patience.next(None).ok())
            .map(|wait| wait.as_secs_f64())
            .collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]);
        assert_eq!(patience.next(None).unwrap_err(), "also after 124 s of waiting");
        patience.renew();
        assert_eq!(patience.next(None), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn what_a_registry_asks_for_is_done_within_bounds() {
        let mut patience = patience(1);
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(patience.next(asked(3600)).unwrap_err(), "and asks to come back in 3600 s");
        assert_eq!(patience.next(asked(7)), Ok(Duration::from_secs(7)));
        assert_eq!(patience.next(asked(7)).unwrap_err(), "also when asked again");
    }

    #[test]
    fn dates_are_told_from_the_date_of_the_answer() {
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Thu, 29 Feb 2024 23:59:60 GMT"), Some(1_709_251_200));
        for text in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "x, 1 2 3"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
        let now = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let wait = |text, now| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:00 GMT", now), Some(23));
        assert_eq!(wait("Sun, 06 Nov 1994 08:40:00 GMT", now), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:00 GMT", None), None);
        assert_eq!(wait(" 12 ", None), Some(12));
        assert_eq!(wait("-1", None), None);
        assert_eq!(wait("99999999999999999999999", None), Some(u64::MAX));
    }
}
