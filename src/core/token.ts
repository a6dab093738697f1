/**
 * The tokens of the language, numbered as the reference's parser generator numbers them: the order in which its messages
 * list what they expect. src/syntax/grammar.ts has their names in the same order.
 */
export const enum Token {
  EndOfFile = 0,
  /** What the lexer refuses: an integer that is too large, a path that ends in a slash, ... `lexicalError` says why. */
  Refused = 1,
  /** A byte that begins no token. */
  Invalid = 2,
  Identifier,
  StringText,
  IndentedText,
  Integer,
  Float,
  Path,
  HomePath,
  SearchPath,
  PathEnd,
  Uri,
  If,
  Then,
  Else,
  Assert,
  With,
  Let,
  In,
  Rec,
  Inherit,
  Equal,
  NotEqual,
  LessOrEqual,
  GreaterOrEqual,
  Update,
  Concat,
  And,
  Or,
  Implies,
  /** `or`, which is also a name. */
  OrKeyword,
  /** `<|` */
  PipeFrom,
  /** `|>` */
  PipeInto,
  /** `${` */
  Interpolation,
  IndentedOpen,
  IndentedClose,
  Ellipsis,
  /** Not in any text: comes first where definitions are to be parsed that a user typed. */
  ReplBindings,
  Less,
  Greater,
  /** Only a precedence. */
  Not,
  Plus,
  Minus,
  Times,
  Divide,
  Question,
  /** Only a precedence. */
  Negate,
  Colon,
  At,
  Semicolon,
  Exclamation,
  Dot,
  Quote,
  ParenOpen,
  ParenClose,
  BraceOpen,
  BraceClose,
  BracketOpen,
  BracketClose,
  Assign,
  Comma,
}

/** Why the lexer or the parser refuses a text. src/syntax/syntax-error.ts has the messages. */
export const enum Refusal {
  None = 0,
  /** A token that cannot stand where it does. */
  UnexpectedToken,
  InvalidInteger,
  InvalidFloat,
  TrailingSlash,
  /** Pipe operators are an experimental feature. */
  PipeOperators,
  NulByte,
  DuplicateAttribute,
  DuplicateFormal,
  TooManyFormals,
  DynamicInherit,
  DynamicLet,
  /** `~/…` in pure evaluation. */
  HomePath,
  UndefinedVariable,
}
