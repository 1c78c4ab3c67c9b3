"""The languages that are told apart, by their codes of ISO 639-1, and what other sources call them."""

# Those that both a source of training texts and one of test texts know.
LANGUAGES = (
    "af", "am", "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "eo", "es", "et", "eu",
    "fa", "fi", "fr", "ga", "gl", "gu", "he", "hi", "hr", "ht", "hu", "hy", "id", "ig", "is", "it", "ja", "jv", "ka",
    "kk", "km", "kn", "ko", "la", "lt", "lv", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "no",
    "ny", "pa", "pl", "pt", "ro", "ru", "si", "sk", "sl", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tl",
    "tr", "uk", "ur", "uz", "vi", "yo", "zh",
)  # fmt: skip

# Older codes, and those of a language that is part of one of ours. The test's Norwegian is both Bokmål and Nynorsk.
ALIASES = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "fil": "tl", "jw": "jv"}
# Locales whose language their first letters do not tell.
OTHERS = {"be@tarask", "be_latn", "zh_tw.big5", "zh_cn.gb2312"}

# English names of languages with a list of words (jusText) whose code cannot be read off them.
NAMES = {
    "Afrikaans": "af", "Albanian": "sq", "Arabic": "ar", "Armenian": "hy", "Azerbaijani": "az", "Basque": "eu",
    "Belarusian": "be", "Bengali": "bn", "Bosnian": "bs", "Bulgarian": "bg", "Catalan": "ca", "Croatian": "hr",
    "Czech": "cs", "Danish": "da", "Dutch": "nl", "English": "en", "Esperanto": "eo", "Estonian": "et",
    "Finnish": "fi", "French": "fr", "Galician": "gl", "Georgian": "ka", "German": "de", "Greek": "el",
    "Gujarati": "gu", "Haitian": "ht", "Hebrew": "he", "Hindi": "hi", "Hungarian": "hu", "Icelandic": "is",
    "Igbo": "ig", "Indonesian": "id", "Irish": "ga", "Italian": "it", "Javanese": "jv", "Kannada": "kn",
    "Kazakh": "kk", "Korean": "ko", "Latin": "la", "Latvian": "lv", "Lithuanian": "lt",
    "Macedonian": "mk", "Malay": "ms", "Malayalam": "ml", "Maltese": "mt", "Marathi": "mr", "Nepali": "ne",
    "Norwegian_Bokmal": "no", "Norwegian_Nynorsk": "no", "Persian": "fa", "Polish": "pl", "Portuguese": "pt",
    "Romanian": "ro", "Russian": "ru", "Serbian": "sr", "Slovak": "sk", "Slovenian": "sl", "Spanish": "es",
    "Sundanese": "su", "Swahili": "sw", "Swedish": "sv", "Tagalog": "tl", "Tamil": "ta", "Telugu": "te",
    "Turkish": "tr", "Ukrainian": "uk", "Urdu": "ur", "Uzbek": "uz", "Vietnamese": "vi", "Welsh": "cy",
    "Yoruba": "yo",
}  # fmt: skip


def language_of(locale: str) -> str | None:
    """Return the language of a locale, or of another's code, None if it is none of ours: ``sr@Latn`` → ``sr``."""
    lowered = locale.lower()
    if lowered in OTHERS:
        return None
    first = lowered.replace("@", "_").replace("-", "_").partition("_")[0]
    code = ALIASES.get(first, first)
    return code if code in LANGUAGES else None
