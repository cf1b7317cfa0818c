export { documentSchema, jsonSchema, sections, type Kind, type Section } from './document.js';
export { line as faultLine, type DocumentFault } from './faults.js';
export { checkDocument, parseDocument, type Checked } from './parse-document.js';
export { parseScenario } from './parse-scenario.js';
export { scriptFaultsIn } from './script-faults.js';
export { undeliverable } from './undeliverable.js';
export { WorkflowModule, workflowService } from './workflow.module.js';
