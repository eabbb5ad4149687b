import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { importRule } from './eslint.boundaries.js';

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '.cache/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { agentcol: { rules: { imports: importRule } } },
    rules: {
      'agentcol/imports': 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
        { selector: 'ExportAllDeclaration', message: 'no barrels' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'only src/main.ts ends the process' },
      ],
      // noUncheckedIndexedAccess types every indexed access as possibly undefined; `!` says that the index is in range.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // An interface method may be asynchronous in one implementation and not in another.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // A default that is written out is no mistake.
      '@typescript-eslint/no-unnecessary-type-arguments': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        // `using _lock = ...` is held, not read.
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  { files: ['src/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['*.config.ts', '*.config.js'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['bench/**', 'test/**'], rules: { 'no-console': 'off', 'no-restricted-properties': 'off' } },
  {
    // Grafana before 13 reads only the model before dashboardv2 from files.
    files: ['deploy/grafana/**'],
    rules: {
      '@typescript-eslint/no-deprecated': [
        'error',
        { allow: [{ from: 'package', package: '@grafana/grafana-foundation-sdk', name: 'DashboardBuilder' }] },
      ],
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
);
