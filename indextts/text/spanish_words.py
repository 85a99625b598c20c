"""What stands for Spanish words: abbreviations, signs of currencies, units."""

MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
ABBREVIATIONS = {
    "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Dr.": "doctor", "Dra.": "doctora",
    "D.ª": "doña", "Dña.": "doña", "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted", "EE. UU.": "Estados Unidos",
    "EE.UU.": "Estados Unidos", "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "etc.": "etcétera", "pág.": "página",
    "págs.": "páginas", "núm.": "número", "n.º": "número", "nº": "número", "N.º": "número", "Nº": "número",
    "Av.": "avenida", "Avda.": "avenida", "tel.": "teléfono", "Tel.": "teléfono", "aprox.": "aproximadamente",
    "art.": "artículo", "cap.": "capítulo", "vol.": "volumen", "Prof.": "profesor", "Lic.": "licenciado",
    "Ing.": "ingeniero", "a. C.": "antes de Cristo", "d. C.": "después de Cristo",
}  # fmt: skip
ENDS_SENTENCE = ("etc.", "EE. UU.", "EE.UU.", "a. C.", "d. C.")
CURRENCIES = {
    "€": ("euro", "euros", "céntimo", "céntimos"), "$": ("dólar", "dólares", "centavo", "centavos"),
    "US$": ("dólar", "dólares", "centavo", "centavos"), "£": ("libra", "libras", "penique", "peniques"),
    "¥": ("yen", "yenes", "", ""), "EUR": ("euro", "euros", "céntimo", "céntimos"),
    "USD": ("dólar", "dólares", "centavo", "centavos"),
}  # fmt: skip
UNITS = {
    "km/h": ("kilómetro por hora", "kilómetros por hora"), "m/s": ("metro por segundo", "metros por segundo"),
    "km²": ("kilómetro cuadrado", "kilómetros cuadrados"), "m²": ("metro cuadrado", "metros cuadrados"),
    "cm²": ("centímetro cuadrado", "centímetros cuadrados"), "m³": ("metro cúbico", "metros cúbicos"),
    "km": ("kilómetro", "kilómetros"), "cm": ("centímetro", "centímetros"), "mm": ("milímetro", "milímetros"),
    "m": ("metro", "metros"), "kg": ("kilogramo", "kilogramos"), "mg": ("miligramo", "miligramos"),
    "g": ("gramo", "gramos"), "ml": ("mililitro", "mililitros"), "mL": ("mililitro", "mililitros"),
    "l": ("litro", "litros"), "L": ("litro", "litros"), "ha": ("hectárea", "hectáreas"), "t": ("tonelada", "toneladas"),
    "h": ("hora", "horas"), "min": ("minuto", "minutos"), "s": ("segundo", "segundos"), "GB": ("gigabyte", "gigabytes"),
    "MB": ("megabyte", "megabytes"), "TB": ("terabyte", "terabytes"), "kW": ("kilovatio", "kilovatios"),
    "W": ("vatio", "vatios"), "kWh": ("kilovatio hora", "kilovatios hora"), "Hz": ("hercio", "hercios"),
    "MHz": ("megahercio", "megahercios"), "GHz": ("gigahercio", "gigahercios"), "V": ("voltio", "voltios"),
    "°C": ("grado Celsius", "grados Celsius"), "℃": ("grado Celsius", "grados Celsius"),
    "°F": ("grado Fahrenheit", "grados Fahrenheit"), "°": ("grado", "grados"), "%": ("por ciento", "por ciento"),
}  # fmt: skip
FEMININE_UNITS = frozenset(("libra", "hectárea", "tonelada", "hora"))
SIGN_WORDS = {"&": "y", "+": "más", "=": "igual a", "×": "por", "÷": "entre", "%": "por ciento", "@": "arroba"} | {
    "€": "euros",
    "$": "dólares",
    "£": "libras",
}
