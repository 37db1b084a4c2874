// Answers every request with the time: the service of the sample system with Node.js.
const http = require('http');

const { formatTime } = require('./lib/time');

http
  .createServer((request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(`${formatTime(new Date())}\n`);
  })
  .listen(Number(process.env.PORT || 3000));
