export { Clock, SystemClock, VirtualClock } from './clock.js';
export { HttpSender, type OutgoingRequest, type SendResult } from './http-sender.js';
export { createLogger, type Logger } from './log.js';
export { Problem, type Fault, type ProblemDocument } from './problem.js';
export { Authenticator, type Principal } from './principal.js';
export { contextOf, recordSpan, SpanKind, traceparentOf, withSpan } from './trace.js';
export { armCrashPoint, crashPoint, knownCrashPoints } from './crash-point.js';
