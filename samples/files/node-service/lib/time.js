// Time as text, in UTC and without fractions.
exports.formatTime = (moment) => moment.toISOString().replace(/\.\d+Z$/, 'Z');
