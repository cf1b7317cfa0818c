// Where the files of the sandbox are, for sources and what was built of them alike: both stand one folder beside this one.
const path = require('node:path');

module.exports = { workerFile: path.join(__dirname, 'worker.cjs') };
