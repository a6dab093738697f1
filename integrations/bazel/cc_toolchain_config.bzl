"""A C++ toolchain of Bazel whose tools are GCC's, by absolute paths that exist where actions are executed."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load(
    "@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl",
    "action_config",
    "feature",
    "flag_group",
    "flag_set",
    "tool",
    "tool_path",
    "with_feature_set",
)

_ALL_COMPILES = [
    ACTION_NAMES.assemble,
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.cpp_header_parsing,
    ACTION_NAMES.cpp_module_codegen,
    ACTION_NAMES.cpp_module_compile,
    ACTION_NAMES.linkstamp_compile,
    ACTION_NAMES.preprocess_assemble,
]

_ALL_LINKS = [
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

def _flags(name, actions, flags, mode = None):
    return feature(
        name = name,
        enabled = True,
        flag_sets = [flag_set(
            actions = actions,
            flag_groups = [flag_group(flags = flags)],
            with_features = [with_feature_set(features = [mode])] if mode else [],
        )],
    )

def _impl(ctx):
    bin = ctx.attr.bin

    # The C++ compiler links, and compiles whatever nothing else is said of.
    tools = {name: name for name in ["ar", "gcov", "ld", "nm", "objcopy", "objdump", "strip"]}
    tools |= {"gcc": "c++", "cpp": "cc"}
    features = [
        feature(name = "dbg"),
        feature(name = "opt"),
        feature(name = "supports_dynamic_linker", enabled = True),
        feature(name = "supports_pic", enabled = True),
        _flags("warnings", _ALL_COMPILES, ["-Wall"]),
        _flags("optimised", _ALL_COMPILES, ["-O2", "-DNDEBUG", "-ffunction-sections", "-fdata-sections"], "opt"),
        _flags("debugged", _ALL_COMPILES, ["-g"], "dbg"),
        _flags("link_mode", _ALL_LINKS, ["-Wl,--gc-sections"], "opt"),
        # The same inputs give the same outputs, whenever they are compiled.
        _flags("determinism", _ALL_COMPILES, [
            "-Wno-builtin-macro-redefined",
            "-D__DATE__=\"redacted\"",
            "-D__TIME__=\"redacted\"",
            "-D__TIMESTAMP__=\"redacted\"",
        ]),
    ]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = "firn",
        compiler = "gcc",
        host_system_name = "local",
        target_system_name = "local",
        target_cpu = ctx.attr.cpu,
        target_libc = "glibc",
        abi_version = "local",
        abi_libc_version = "local",
        cxx_builtin_include_directories = ctx.attr.include_directories,
        tool_paths = [tool_path(name = name, path = "{}/{}".format(bin, file)) for name, file in tools.items()],
        features = features,
        action_configs = [action_config(
            action_name = ACTION_NAMES.c_compile,
            tools = [tool(path = bin + "/cc")],
            implies = [
                "compiler_input_flags",
                "compiler_output_flags",
                "legacy_compile_flags",
                "sysroot",
                "unfiltered_compile_flags",
                "user_compile_flags",
            ],
        )],
    )

cc_toolchain_config = rule(
    implementation = _impl,
    attrs = {
        "bin": attr.string(mandatory = True, doc = "The folder with the tools, where actions are executed."),
        "cpu": attr.string(mandatory = True),
        "include_directories": attr.string_list(doc = "Headers in these need not be declared."),
    },
    provides = [CcToolchainConfigInfo],
)
