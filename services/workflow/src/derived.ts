/** What criteria may ask of a field besides its value: attributes that intake derives, and that are not personal. */

/** By type of field: `zip.state` of a postal code, `birthDate.age` of a date. */
export const derivedOf: Readonly<Record<string, readonly string[]>> = {
  postalCode: ['state', 'prefix'],
  date: ['age', 'ageBand'],
};

/**
 * Where a field does not say, e-mail addresses and phone numbers are personal: better a criteria that is refused than a person in the log.
 */
export function isPersonal(field: { readonly type: string; readonly personal?: boolean | undefined }): boolean {
  return field.personal ?? (field.type === 'email' || field.type === 'phone');
}

/** Fields that every lead has, whatever its campaign. */
export const staticFields = ['$source', '$campaign', '$channel', '$country', '$receivedAt', '$score', '$duplicate'] as const;

/** `zip.state` → zip and state; a name without a dot has no suffix. */
export function splitField(name: string): { readonly base: string; readonly suffix: string | undefined } {
  const dot = name.indexOf('.');
  return dot < 0 ? { base: name, suffix: undefined } : { base: name.slice(0, dot), suffix: name.slice(dot + 1) };
}
