// CommonJS recipe: @swc/jest transforms our code and the ESM-only packages, so that no flag is needed on Node 20.
const swc = ['@swc/jest', {
  swcrc: false,
  jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: true } },
  module: { type: 'commonjs' },
}];
const esmOnly = ['@nestjs', 'cookie', 'file-type', 'uuid', 'strtok3', 'token-types', 'uint8array-extras', '@tokenizer', '@borewit', 're2js', 'standardwebhooks', '@bufbuild'];

export default {
  testEnvironment: 'node',
  // Servers are started by the first spec that needs one, and ended with the run.
  globalSetup: '<rootDir>/libs/testing/run/setup.mjs',
  globalTeardown: '<rootDir>/libs/testing/run/teardown.mjs',
  testMatch: ['<rootDir>/{libs,services}/*/src/**/*.spec.ts'],
  moduleNameMapper: {
    '^fast-check$': '<rootDir>/libs/testing/run/fast-check.cjs',
    '^@sluice/(kernel|distribution|scripts|events|servers|testing|db|runtime|bus)$': '<rootDir>/libs/$1/src/index.ts',
    '^@sluice/(intake|workflow|distribution-engine|delivery|gateway|standalone)$': '<rootDir>/services/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.[mc]?[tj]s$': swc },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
  modulePathIgnorePatterns: ['<rootDir>/(libs|services)/[^/]+/dist'],
  testTimeout: 60_000,
};
