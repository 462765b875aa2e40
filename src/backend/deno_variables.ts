/** The environment variables that Deno itself needs. */

/**
 * Where the libraries of Deno are looked for, unless as on Linux. A variable that another system
 * has no use for keeps no process from starting there: Git Bash on Windows sets LD_LIBRARY_PATH.
 */
const LIBRARY_VARIABLES: { readonly [os in typeof Deno.build.os]?: readonly string[] } = {
  darwin: ["DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"],
  windows: [],
};

/**
 * What Deno reads when it starts, loads modules and connects. A process has these variables
 * whatever its permissions are: its tasks cannot read them without a permission.
 */
export const DENO_VARIABLES = [
  // Where Deno's libraries are: without, a process of an Alpine image before 2.7.8 does not start.
  ...LIBRARY_VARIABLES[Deno.build.os] ?? ["LD_LIBRARY_PATH"],
  // Where Deno's cache and its temporary files are.
  "DENO_DIR",
  "HOME",
  "TMPDIR",
  "XDG_CACHE_HOME",
  // How Deno reaches other hosts, and whom it trusts.
  ...["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
  "DENO_AUTH_TOKENS",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
  "NODE_USE_ENV_PROXY",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  // Where packages come from, and how they are resolved.
  "DENO_COMPAT",
  "DENO_CONDITIONS",
  "DENO_NO_PACKAGE_JSON",
  "JSR_NPM_URL",
  "JSR_URL",
  "NPM_CONFIG_MIN_RELEASE_AGE",
  "npm_config_min_release_age",
  "NPM_CONFIG_REGISTRY",
  "NPM_CONFIG_REPLACE_REGISTRY_HOST",
  "npm_config_replace_registry_host",
  // How Deno is to behave otherwise than by default.
  "DENO_CACHE_DB_MODE",
  "DENO_EMIT_CACHE_MODE",
  "DENO_KV_DB_MODE",
  "DENO_KV_DEFAULT_PATH",
  "DENO_KV_PATH_PREFIX",
  "DENO_KV_REQUIRES_DISTRIBUTED_DATABASE",
  "DENO_NO_UPDATE_CHECK",
  // Who is asked for each permission: of a process, too.
  "DENO_PERMISSION_BROKER_PATH",
  "DENO_PATCH_REACT_CVE",
  "DENO_TRACE_PERMISSIONS",
  "DENO_UNSTABLE_BARE_NODE_BUILTINS",
  "DENO_UNSTABLE_LAZY_DYNAMIC_IMPORTS",
  "DENO_UNSTABLE_LOCKFILE_V5",
  "DENO_UNSTABLE_NPM_LAZY_CACHING",
  "DENO_UNSTABLE_RAW_IMPORTS",
  "DENO_UNSTABLE_SLOPPY_IMPORTS",
  "DENO_UNSTABLE_SUBDOMAIN_WILDCARDS",
  "DENO_USE_CGROUPS",
  "DENO_USR2_MEMORY_TRIM",
  "DENO_V8_FLAGS",
  "DENO_WEBGPU_BACKEND",
  // How Deno prints, and what dates and numbers look like.
  "COLORTERM",
  "FORCE_COLOR",
  "LANG",
  "LC_ALL",
  "LC_MESSAGES",
  "NO_COLOR",
  "TERM",
  "TZ",
  // What every program needs on Windows.
  "APPDATA",
  "HOMEDRIVE",
  "HOMEPATH",
  "LOCALAPPDATA",
  "SystemDrive",
  "SystemRoot",
  "TEMP",
  "TMP",
  "USERPROFILE",
  "windir",
];

/**
 * Where Deno looks for the programs that a task may run, and Windows for the DLLs of another DLL.
 */
export const SEARCH_VARIABLES = ["PATH", "PATHEXT"];
