import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';

/**
 * Says what is wrong with a value, or nothing: a JSON pointer from it to what is wrong, a colon, and why. Whoever holds the value puts its
 * name before: a path that is made on the way down costs more than the whole check, and is needed for what is wrong alone.
 */
export type Check = (value: unknown) => string | undefined;

const int64 = /^-?\d{1,19}$/;
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/**
 * Compiles the descriptor of a message into a check of its proto-JSON form. Values travel as plain objects: the runtime of
 * protobuf-es costs two to three times as much as JSON itself, and the golden files hold this check against it.
 * Unknown fields pass, so that producers can be deployed first.
 */
export function compileCheck(message: DescMessage, required: readonly string[] = []): Check {
  const fields = message.fields.map((field): [string, Check] => [field.jsonName, checkOf(field)]);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return ': expected an object';
    const record = value as Record<string, unknown>;
    // proto3 forgets: a missing string is "" and a missing number 0, so that what must be there is named.
    for (const name of required) if (record[name] === undefined || record[name] === '') return `/${name}: required`;
    for (const [name, check] of fields) {
      const item = record[name];
      if (item === undefined || item === null) continue;
      const fault = check(item);
      if (fault) return `/${name}${fault}`;
    }
    return undefined;
  };
}

function checkOf(field: DescField): Check {
  switch (field.fieldKind) {
    case 'scalar':
      return checkScalar(field.scalar);
    case 'message':
      return checkMessage(field.message);
    case 'list': {
      const each = field.listKind === 'message' ? checkMessage(field.message) : checkScalar(field.listKind === 'scalar' ? field.scalar : ScalarType.STRING);
      return (value) => {
        if (!Array.isArray(value)) return ': expected a list';
        for (let i = 0; i < value.length; i++) {
          const fault = each(value[i]);
          if (fault) return `/${i}${fault}`;
        }
        return undefined;
      };
    }
    default:
      throw new Error(`${field.name}: ${field.fieldKind} fields are not used in events`);
  }
}

function checkMessage(message: DescMessage): Check {
  if (message.typeName === 'google.protobuf.Struct')
    return (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : ': expected an object');
  if (message.typeName === 'google.protobuf.Timestamp')
    return (value) => (typeof value === 'string' && instant.test(value) ? undefined : ': expected an instant in UTC');
  // Lazily, so that a message may hold itself.
  let check: Check | undefined;
  return (value) => (check ??= compileCheck(message))(value);
}

function checkScalar(scalar: ScalarType): Check {
  switch (scalar) {
    case ScalarType.STRING:
      return (value) => (typeof value === 'string' ? undefined : ': expected text');
    case ScalarType.BOOL:
      return (value) => (typeof value === 'boolean' ? undefined : ': expected true or false');
    case ScalarType.INT64:
      return (value) => (typeof value === 'string' && int64.test(value) ? undefined : ': expected a whole number as text');
    case ScalarType.INT32:
      return (value) => (Number.isInteger(value) ? undefined : ': expected a whole number');
    case ScalarType.DOUBLE:
      return (value) => (typeof value === 'number' ? undefined : ': expected a number');
    default:
      throw new Error(`scalar ${ScalarType[scalar]} is not used in events`);
  }
}
