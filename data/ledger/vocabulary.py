# ruff: noqa: SIM905 (lists of words read better as running text)
"""Words from which customers are made up: trades, surnames, places, streets, products."""

# Trade words of each industry (the letter of Odoo's res.partner.industry) and its weight.
INDUSTRIES = {
    "A": (6, ["Agrícola", "Cítricos", "Bodegas", "Viveros", "Frutas"]),
    "C": (16, ["Manufacturas", "Plásticos", "Cerámicas", "Muebles", "Envases", "Calzados"]),
    "F": (18, ["Construcciones", "Reformas", "Instalaciones", "Obras", "Estructuras"]),
    "G": (20, ["Distribuciones", "Comercial", "Ferretería", "Almacenes", "Suministros"]),
    "H": (9, ["Transportes", "Logística", "Mudanzas", "Grúas"]),
    "I": (13, ["Restaurante", "Hotel", "Hostelería", "Catering", "Panadería"]),
    "J": (5, ["Informática", "Sistemas", "Imprenta", "Telecomunicaciones"]),
    "L": (3, ["Inmobiliaria", "Promociones", "Fincas"]),
    "M": (4, ["Ingeniería", "Laboratorio", "Consultores"]),
    "Q": (6, ["Clínica", "Centro Médico", "Residencia", "Farmacia"]),
}

SURNAMES = """
Aranda Ferrer Molina Serrano Vidal Navarro Ibáñez Soler Cano Giménez Peris Marín Crespo Vicent
Beltrán Roig Esteve Gallego Pastor Climent Moya Herrero Llorens Sanz Blasco Bosch Carrasco Núñez
Iglesias Medina Cortés Castillo Garrido Santos Lozano Guerrero Méndez Prieto Calvo Vega Campos
Fuentes Cabrera Reyes León Peña Flores Benítez Sáez Pascual Arias Parra Durán Merino Montero
Gallardo Rovira Puig Ferrando Alcaraz Bernabeu Orts Sempere Mira Boix Cervera Andreu Belda
""".split()

WOMEN = """
María Carmen Ana Laura Marta Lucía Elena Cristina Paula Sara Raquel Silvia Patricia Irene
Rosario Teresa Beatriz Nuria Amparo Inmaculada
""".split()

MEN = """
José Antonio Manuel Javier David Carlos Miguel Rafael Pedro Alejandro Fernando Luis Sergio Pablo
Jorge Alberto Vicente Ramón Andrés Joaquín
""".split()

LEGAL_FORMS = [("S.L.", "B", 66), ("S.L.U.", "B", 14), ("S.A.", "A", 14), ("S. Coop.", "F", 6)]

# City, first digits of its postal codes, state code, weight: mostly the east of Spain.
SPANISH_PLACES = [
    ("Valencia", "460", "V", 30),
    ("Paterna", "469", "V", 9),
    ("Torrent", "469", "V", 6),
    ("Castelló de la Plana", "120", "CS", 9),
    ("Alicante", "030", "A", 12),
    ("Elche", "032", "A", 8),
    ("Murcia", "300", "MU", 10),
    ("Cartagena", "302", "MU", 5),
    ("Albacete", "020", "AB", 4),
    ("Madrid", "280", "M", 16),
    ("Barcelona", "080", "B", 12),
    ("Tarragona", "430", "T", 3),
    ("Zaragoza", "500", "Z", 6),
    ("Sevilla", "410", "SE", 5),
    ("Málaga", "290", "MA", 5),
    ("Bilbao", "480", "BI", 4),
    ("Granada", "180", "GR", 3),
    ("Valladolid", "470", "VA", 2),
]

STREETS = [
    "Calle Mayor",
    "Calle San Vicente",
    "Avenida de la Constitución",
    "Avenida del Mediterráneo",
    "Calle Colón",
    "Plaza de España",
    "Polígono Industrial Fuente del Jarro, calle",
    "Polígono Industrial El Oliveral, parcela",
    "Camino Viejo de Albal",
    "Calle de la Paz",
    "Ronda Norte",
    "Calle Doctor Fleming",
    "Carretera de Valencia",
    "Calle Cervantes",
    "Calle del Trabajo",
]

# Country, weight, language, city, postal code, street, phone prefix, legal form, trade words.
FOREIGN_PLACES = [
    ("FR", 6, "fr_FR", "Toulouse", "31000", "Rue de Metz", "+33 5 55 55", "SARL"),
    ("FR", 4, "fr_FR", "Perpignan", "66000", "Avenue de Grande Bretagne", "+33 4 55 55", "SAS"),
    ("PT", 7, "pt_PT", "Lisboa", "1100-148", "Rua Augusta", "+351 21 555", "Lda."),
    ("DE", 4, "de_DE", "München", "80331", "Sendlinger Straße", "+49 89 555", "GmbH"),
    ("MX", 4, "es_419", "Ciudad de México", "06600", "Paseo de la Reforma", "+52 55 5555", "S.A."),
    ("US", 4, "en_US", "Miami", "33131", "Brickell Avenue", "+1 305 555", "Inc."),
    ("GB", 4, "en_GB", "London", "EC1A 1BB", "Aldersgate Street", "+44 20 7946", "Ltd"),
]
FOREIGN_NAMES = """
Atlantic Horizon Meridian Northgate Belmont Riviera Garonne Tejo Isar Bayside Orion Sierra
Lumen Vertex Castor Delta Harbour Summit Linden Aurora
""".split()
FOREIGN_TRADES = ["Trading", "Supplies", "Imports", "Foods", "Industries", "Hotels"]

TOWNS = [
    "Alboraia",
    "Benetússer",
    "Catarroja",
    "Godella",
    "Manises",
    "Picassent",
    "Sueca",
    "Xàtiva",
]

JOBS = ["Administración", "Gerencia", "Contabilidad", "Compras", "Dirección financiera"]
TAGS = ["Distribuidor", "Grandes cuentas", "Obra nueva", "Temporada", "Web", "Riesgo", "VIP"]

# Code, name in English, name in Spanish, price in euros, VAT in percent, is a service.
PRODUCTS = [
    ("PAP-A4", "A4 paper 80 g (box of 5)", "Papel A4 80 g (caja de 5)", 24.5, 21, False),
    ("TON-142", "Black toner 142", "Tóner negro 142", 89.9, 21, False),
    ("EPI-01", "Nitrile gloves (100)", "Guantes de nitrilo (100 uds.)", 11.95, 21, False),
    ("EPI-07", "Safety helmet", "Casco de seguridad", 18.4, 21, False),
    ("LIM-05", "Industrial detergent 20 l", "Detergente industrial 20 l", 46.8, 21, False),
    ("EST-02", "Metal shelving 200x90", "Estantería metálica 200x90", 134.0, 21, False),
    ("HER-07", "Hammer drill 900 W", "Taladro percutor 900 W", 162.0, 21, False),
    ("MOB-11", "Ergonomic chair", "Silla ergonómica", 219.0, 21, False),
    ("AGU-19", "Spring water 18.9 l", "Agua mineral 18,9 l", 9.5, 10, False),
    ("CAF-01", "Ground coffee 1 kg", "Café molido 1 kg", 13.4, 10, False),
    ("LIB-03", "Handbook of safety rules", "Manual de normas de seguridad", 28.0, 4, False),
    ("SRV-01", "Installation (hour)", "Instalación (hora)", 48.0, 21, True),
    ("SRV-02", "Monthly maintenance", "Mantenimiento mensual", 185.0, 21, True),
]

# What a collector would note about an invoice, by hint.
HINTS = {
    "disputed": [
        "El cliente indica que faltan bultos en la entrega y pide un abono.",
        "El cliente no acepta el precio: dice que la oferta era más baja.",
        "Mercancía recibida con golpes; han enviado fotos.",
    ],
    "promised": [
        "Dicen que pagan el próximo viernes sin falta.",
        "El administrador promete una transferencia a final de mes.",
    ],
    "reported": [
        "Dicen que hicieron la transferencia la semana pasada; enviarán el justificante.",
        "Aseguran que está pagada por confirming.",
    ],
}
