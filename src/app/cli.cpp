// The one file that sees CLI11.
#include "app/cli.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>

#include "app/account_commands.hpp"
#include "app/api_token_commands.hpp"
#include "app/dial_plan_command.hpp"
#include "app/server.hpp"
#include "app/webphone_tokens.hpp"
#include "net/tls.hpp"
#include "store/sqlite_store.hpp"

namespace app {
namespace {

constexpr int kUsage = 2;

struct Options {
  std::string config, data, web, file, name, display_name;
  bool password_stdin = false;
  TokenRequest token;
  ApiTokenRequest api_token;
  DialPlanRequest dial_plan;
  std::int64_t token_expires = 3600;
};

base::Result<Config> configuration(const Options& options, const CliEnvironment& environment) {
  auto config = options.config.empty() ? base::Result<Config>(default_config()) : load_config(options.config);
  if (!config) return config;
  if (!options.data.empty()) config->data_directory = options.data;
  if (!options.web.empty()) config->web_directory = options.web;
  if (config->web_directory.empty() && !environment.program_directory.empty()) {
    // Installed beside the program, or built in the source tree (build/PRESET/parley).
    for (const auto* place : {"../share/parley/web", "../../web/dist"}) {
      const auto pages = (std::filesystem::path(environment.program_directory) / place).lexically_normal();
      std::error_code ignored;
      if (!std::filesystem::exists(pages / "index.html", ignored)) continue;
      config->web_directory = pages.string();
      break;
    }
  }
  return config;
}

int fail(const CliEnvironment& environment, const base::Error& error, int status) {
  environment.err << error.detail << "\n";
  return status;
}

// What a start would find wrong with the certificates that the file names.
base::Status check_certificates(const Config& config) {
  std::vector<net::CertificateFiles> all{{config.certificate, config.key}};
  for (const auto& l : config.http) all.push_back({l.certificate, l.key});
  for (const auto& l : config.sip) all.push_back({l.certificate, l.key});
  for (auto& files : all) {
    if (files.certificate.empty()) continue;
    if (auto loaded = net::TlsServer::load(std::move(files)); !loaded) return std::unexpected(loaded.error());
  }
  return {};
}

// Accounts that the file names and neither it nor the store has; nothing where there is no store yet.
void warn_of_accounts(const Config& config, const CliEnvironment& environment) {
  const auto known = store::read_account_names(config.data_directory);
  if (!known && known.error().code == base::ErrorCode::kNotFound) return;
  if (!known) {
    environment.err << "warning: accounts that the file names were not looked for: " << known.error().detail << "\n";
    return;
  }
  for (const auto& line : unknown_accounts(config, *known)) environment.err << "warning: " << line << "\n";
}

int check(const Options& options, const CliEnvironment& environment) {
  std::vector<std::string> mistakes;
  auto config = load_config(options.file, mistakes);
  if (!config && mistakes.empty()) return fail(environment, config.error(), kUsage);
  for (const auto& line : mistakes) environment.err << line << "\n";
  if (!config) return kUsage;
  if (!options.data.empty()) config->data_directory = options.data;
  const auto certificates = check_certificates(*config);
  const auto keys = check_token_keys(*config);
  for (const auto* one : {&certificates, &keys}) {
    if (!*one) fail(environment, one->error(), kUsage);
  }
  if (!certificates || !keys) return kUsage;
  warn_of_accounts(*config, environment);
  environment.out << options.file << ": good\n";
  return 0;
}

int serve_command(const Options& options, const CliEnvironment& environment) {
  const auto config = configuration(options, environment);
  return config ? environment.serve(*config) : fail(environment, config.error(), kUsage);
}

int account_command(const Options& options, const CliEnvironment& environment, AccountAction action) {
  const auto config = configuration(options, environment);
  if (!config) return fail(environment, config.error(), kUsage);
  AccountRequest request{.action = action, .name = options.name, .display_name = options.display_name};
  if (action == AccountAction::kAdd || action == AccountAction::kPassword) {
    if (!options.password_stdin) {
      environment.err << "parley: say --password-stdin and write the password to standard input; on a command line everybody could read it\n";
      return kUsage;
    }
    auto password = read_password(environment.in);
    if (!password) return fail(environment, password.error(), kUsage);
    request.password = std::move(*password);
  }
  const auto done = run_account_command(*config, request, environment.out);
  return done ? 0 : fail(environment, done.error(), done.error().code == base::ErrorCode::kMalformed ? kUsage : 1);
}

int token_command(const Options& options, const CliEnvironment& environment) {
  const auto config = configuration(options, environment);
  if (!config) return fail(environment, config.error(), kUsage);
  auto request = options.token;
  request.expires = std::chrono::seconds(options.token_expires);
  const auto done = run_token_command(*config, request, environment.out);
  return done ? 0 : fail(environment, done.error(), done.error().code == base::ErrorCode::kMalformed ? kUsage : 1);
}

int api_token_command(const Options& options, const CliEnvironment& environment, ApiTokenAction action) {
  const auto config = configuration(options, environment);
  if (!config) return fail(environment, config.error(), kUsage);
  auto request = options.api_token;
  request.action = action;
  const auto done = run_api_token_command(*config, request, environment.out);
  return done ? 0 : fail(environment, done.error(), done.error().code == base::ErrorCode::kMalformed ? kUsage : 1);
}

int dial_plan_command(const Options& options, const CliEnvironment& environment) {
  const auto config = configuration(options, environment);
  if (!config) return fail(environment, config.error(), kUsage);
  const auto leads_somewhere = run_dial_plan_test(*config, options.dial_plan, environment.out);
  if (!leads_somewhere) return fail(environment, leads_somewhere.error(), kUsage);
  return *leads_somewhere ? 0 : 1;
}

// The commands, each of which is a function to run when the line has been understood.
class CommandLine {
 public:
  explicit CommandLine(const CliEnvironment& environment) : environment_(environment) {
    app_.require_subcommand(0, 1);
    app_.set_version_flag("--version", "parley " PARLEY_VERSION);
    app_.add_option("--config", options_.config, "configuration file (TOML)")->type_name("FILE");
    app_.add_option("--data", options_.data, "folder of the database [./data]")->type_name("DIR");
    app_.add_option("--web", options_.web, "folder of the pages [those of the program]")->type_name("DIR");
    command(app_, "serve", "run the server (the default)", [this] { return serve_command(options_, environment_); });
    auto* checks = command(app_, "check", "check a configuration file", [this] { return check(options_, environment_); });
    checks->add_option("FILE", options_.file)->required()->type_name("");
    command(app_, "version", "print the version", [this] {
      environment_.out << "parley " << PARLEY_VERSION << "\n";
      return 0;
    });
    add_account_commands();
    add_token_command();
    add_api_token_commands();
    add_dial_plan_command();
  }

  int run(std::vector<std::string> arguments) {
    std::ranges::reverse(arguments);   // as CLI11 wants them
    try {
      app_.parse(arguments);
    } catch (const CLI::CallForHelp&) {
      environment_.out << app_.help();
      return 0;
    } catch (const CLI::CallForVersion& version) {
      environment_.out << version.what() << "\n";
      return 0;
    } catch (const CLI::ParseError& error) {
      environment_.err << "parley: " << error.what() << " (parley --help tells more)\n";
      return kUsage;
    }
    return chosen_ ? chosen_() : serve_command(options_, environment_);
  }

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& about, std::function<int()> work) {
    auto* made = parent.add_subcommand(name, about);
    made->fallthrough();               // --config and --data may stand behind the command
    if (work) made->parse_complete_callback([this, work] { chosen_ = work; });
    return made;
  }

  void add_account_commands() {
    auto* account = command(app_, "account", "accounts of people and phones", {});
    account->require_subcommand(1);
    const auto add = [&](const std::string& name, const std::string& about, AccountAction action) {
      return command(*account, name, about, [this, action] { return account_command(options_, environment_, action); });
    };
    auto* adds = add("add", "make an account", AccountAction::kAdd);
    auto* removes = add("remove", "remove an account", AccountAction::kRemove);
    auto* passwords = add("password", "give an account another password", AccountAction::kPassword);
    auto* names = add("display-name", "give an account another display name", AccountAction::kDisplayName);
    add("list", "names and display names of all", AccountAction::kList);
    for (auto* one : {adds, removes, passwords, names}) one->add_option("NAME", options_.name)->required()->type_name("");
    names->add_option("DISPLAY_NAME", options_.display_name, "what others see")->required()->type_name("");
    adds->add_option("--display-name", options_.display_name, "what others see")->type_name("D");
    for (auto* one : {adds, passwords}) one->add_flag("--password-stdin", options_.password_stdin, "read the password from standard input");
  }

  void add_token_command() {
    auto* token = command(app_, "token", "sign a token for a webphone line", [this] { return token_command(options_, environment_); });
    token->add_option("--line", options_.token.line, "the line that it is for")->required()->type_name("L");
    token->add_option("--name", options_.token.name, "what others see")->type_name("N");
    token->add_option("--expires", options_.token_expires, "seconds that it holds [3600]")->check(CLI::Range(1, 31'536'000))->type_name("S");
    token->add_option("--room", options_.token.room, "the only room that may be called")->type_name("R");
    token->add_option("--may", options_.token.may, "what its holder may do [message,call_internal]")->delimiter(',')->type_name("P,P");
  }

  void add_api_token_commands() {
    auto* tokens = command(app_, "api-token", "keys to the REST API", {});
    tokens->require_subcommand(1);
    const auto add = [&](const std::string& name, const std::string& about, ApiTokenAction action) {
      return command(*tokens, name, about, [this, action] { return api_token_command(options_, environment_, action); });
    };
    auto* adds = add("add", "make a token and print it, once", ApiTokenAction::kAdd);
    adds->add_option("--name", options_.api_token.name, "what it is for")->required()->type_name("N");
    adds->add_option("--scope", options_.api_token.scopes, "what it may do: admin, rooms, rooms:read, calls, supervise ... (may be given several times)")
        ->required()->delimiter(',')->allow_extra_args(false)->type_name("S");
    add("remove", "revoke a token", ApiTokenAction::kRemove)->add_option("ID", options_.api_token.id)->required()->type_name("");
    add("list", "id, name and scopes of all", ApiTokenAction::kList);
  }

  void add_dial_plan_command() {
    auto* plan = command(app_, "dial-plan", "where calls go", {});
    plan->require_subcommand(1);
    auto* test = command(*plan, "test", "explain which rule would take a call; status 0: it goes somewhere, 1: it is refused",
                         [this] { return dial_plan_command(options_, environment_); });
    test->add_option("FROM", options_.dial_plan.from, "an account, guest, line:NAME, trunk:NAME or api")->required()->type_name("");
    test->add_option("TO", options_.dial_plan.to, "what is dialled")->required()->type_name("");
    test->add_option("--at", options_.dial_plan.at, "\"2026-01-02 03:04\", in the plan's time zone [now]")->type_name("TIME");
    test->add_flag("--external", options_.dial_plan.external, "FROM is a client whose token has call_external");
  }

  const CliEnvironment& environment_;
  Options options_;
  CLI::App app_{"Parley: calls, conferences and chat for web pages and SIP phones", "parley"};
  std::function<int()> chosen_;
};

}  // namespace

int run(const std::vector<std::string>& arguments, const CliEnvironment& environment) {
  return CommandLine(environment).run(arguments);
}

int run(int argc, char** argv) {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const CliEnvironment environment{.in = std::cin, .out = std::cout, .err = std::cerr, .serve = serve,
                                   .program_directory = error ? std::string() : program.parent_path().string()};
  return run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), environment);
}

}  // namespace app
