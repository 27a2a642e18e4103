// Reads the dashboard's build settings from their one place, `[[workspace.metadata.leptos]]` in Cargo.toml.
// Run directly it prints them as shell assignments: `eval "$(node scripts/settings.mjs)"`.

import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

export function readSettings() {
  const text = execFileSync("cargo", ["metadata", "--format-version", "1", "--no-deps"], {
    cwd: repository,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const leptos = JSON.parse(text).metadata?.leptos?.[0];
  if (!leptos) throw new Error("Cargo.toml has no [[workspace.metadata.leptos]]");
  const need = (name) => {
    const value = leptos[name];
    if (typeof value !== "string" || value === "") {
      throw new Error(`[[workspace.metadata.leptos]] in Cargo.toml lacks \`${name}\``);
    }
    return value;
  };
  return {
    output_name: need("name"),
    bin_package: need("bin-package"),
    bin_target: need("bin-target"),
    lib_package: need("lib-package"),
    site_root: need("site-root"),
    site_pkg_dir: need("site-pkg-dir"),
    assets_dir: need("assets-dir"),
    tailwind_input_file: need("tailwind-input-file"),
    lib_profile_dev: need("lib-profile-dev"),
    lib_profile_release: need("lib-profile-release"),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, value] of Object.entries(readSettings())) {
    console.log(`${name}='${value.replaceAll("'", "'\\''")}'`);
  }
}
