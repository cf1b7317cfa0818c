import nx from '@nx/eslint-plugin';
import ts from 'typescript-eslint';

const boundaries = (inSpecs) => {
  const shared = ['type:io', 'type:contracts', 'type:pure', ...(inSpecs ? ['type:testing', 'type:servers'] : [])];
  // A command that is rarely run loads what it needs when it runs; nothing here is bundled, so that nobody is the worse for it.
  return { '@nx/enforce-module-boundaries': ['error', { allow: [], checkDynamicDependenciesExceptions: ['.*'], depConstraints: [
    { sourceTag: 'type:contracts', onlyDependOnLibsWithTags: [], allowedExternalImports: ['@bufbuild/protobuf', '@bufbuild/protobuf/*', ...(inSpecs ? ['@jest/globals'] : [])] },
    { sourceTag: 'type:pure', onlyDependOnLibsWithTags: ['type:pure'], allowedExternalImports: inSpecs ? ['fast-check', '@jest/globals', 'yaml', 're2js'] : [] },
    // Starts local servers; knows nothing of the platform, so that both the product and the tests may use it.
    { sourceTag: 'type:servers', onlyDependOnLibsWithTags: [] },
    { sourceTag: 'type:testing', onlyDependOnLibsWithTags: ['type:contracts', 'type:pure', 'type:servers'] },
    { sourceTag: 'type:io', onlyDependOnLibsWithTags: shared },
    { sourceTag: 'type:service', onlyDependOnLibsWithTags: shared },
    { sourceTag: 'type:composition', onlyDependOnLibsWithTags: ['type:service', 'type:servers', ...shared] },
  ] }] };
};

export default [
  { ignores: ['**/dist/**', '**/gen/**', 'node_modules/**'] },
  { files: ['**/*.ts'], languageOptions: { parser: ts.parser }, plugins: { '@nx': nx, '@typescript-eslint': ts.plugin },
    rules: { ...boundaries(false), '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }], '@typescript-eslint/no-explicit-any': 'error',
      'no-console': 'error', 'max-len': ['error', { code: 140, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true }] } },
  { files: ['**/*.spec.ts', '**/*.suite.ts'], rules: boundaries(true) },
  // Pure code = pure libraries and bare-named files of services: what the boundary rule cannot see.
  { files: ['libs/{kernel,distribution}/src/**/*.ts', 'services/*/src/!(*.*).ts'],
    ignores: ['**/*.spec.ts', '**/*.suite.ts', '**/*.bench.ts', '**/{main,index,config}.ts', 'services/standalone/**'], rules: {
      'no-restricted-imports': ['error', { patterns: ['node:*', 'fs', 'crypto', 'path'] }],
      'no-restricted-globals': ['error', 'process', 'setTimeout', 'setInterval', 'fetch'],
      'no-restricted-properties': ['error', { object: 'Date', property: 'now' }, { object: 'Math', property: 'random' }],
      'no-restricted-syntax': ['error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take `now` as an argument.' },
        { selector: 'AwaitExpression', message: 'Pure code does not wait.' }] } },
];
