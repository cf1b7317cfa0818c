export * from './sandbox.js';
export * from './scripts.js';
export * from './facts.js';
export * from './circuit.js';
export * from './test-script.js';
export * from './linear-regex.js';
