"""What people of the demonstration say: texts of a believable desk, in Spanish."""

from __future__ import annotations

from servicedesk.tickets.breaches import Cause
from servicedesk.tickets.categories import IncidentCategory

REQUESTS = {
    "device.lock": (
        (
            "Bloqueo por pérdida en el tren",
            "Se ha quedado el terminal en el AVE. Por favor, bloquear cuanto antes y mostrar el teléfono de centralita.",
        ),
        (
            "Bloqueo preventivo de terminal",
            "El compañero está de baja y el terminal queda en un cajón. Bloquear hasta su vuelta.",
        ),
        (
            "Terminal olvidado en casa de un cliente",
            "Lo recogeremos mañana; mientras tanto debe quedar bloqueado.",
        ),
        (
            "Bloqueo de las tabletas del almacén",
            "Vamos a hacer inventario y no deben usarse hasta el lunes.",
        ),
    ),
    "device.locate": (
        (
            "Localizar terminal extraviado",
            "No sabemos si se quedó en la furgoneta o en la nave de Getafe.",
        ),
        ("Localización de tableta de reparto", "El conductor no la encuentra al cerrar la ruta."),
    ),
    "device.push_message": (
        (
            "Aviso de corte de red el jueves",
            "Avisar a los usuarios de que el jueves de 15 a 16 h no habrá wifi en la oficina.",
        ),
        (
            "Recordatorio de actualización",
            "Pedir a los usuarios que instalen la actualización antes del viernes.",
        ),
        (
            "Aviso de simulacro",
            "El martes a las 11 h hay simulacro de evacuación; avisar por los terminales.",
        ),
    ),
    "device.enterprise_wipe": (
        (
            "Baja de empleado: retirar datos de empresa",
            "Deja la empresa el viernes. Su teléfono es personal: solo los datos corporativos.",
        ),
        ("Cambio de departamento", "Pasa a otra sociedad del grupo; retirar el perfil de empresa."),
    ),
    "device.full_wipe": (
        (
            "Robo en la estación: borrar el terminal",
            "Denuncia puesta esta mañana. Borrar por completo cuanto antes.",
        ),
        (
            "Devolución de terminal de renting",
            "Se entrega al proveedor y debe quedar como de fábrica.",
        ),
    ),
}
PARAMETERS = {
    "device.lock": {
        "message": "Terminal de empresa. Si lo encuentra, llame por favor.",
        "phone_number": "+34 900 101 010",
    },
    "device.locate": {"purpose": "Terminal extraviado en horario laboral"},
    "device.push_message": {
        "title": "Aviso de Sistemas",
        "text": "Consulte el correo: hay un aviso importante sobre su terminal.",
    },
    "device.enterprise_wipe": {},
    "device.full_wipe": {},
}
QUERIES = (
    (
        "¿Qué versiones de Android siguen con parches?",
        "Estamos preparando el presupuesto de renovación y necesitamos saber qué modelos quedan fuera de soporte.",
    ),
    (
        "¿Podemos limitar la cámara en las obras?",
        "Seguridad pregunta si es posible por grupo y por horario.",
    ),
    (
        "Diferencia entre borrado empresarial y completo",
        "Para la guía interna del departamento de personal.",
    ),
    (
        "¿Cuántos terminales llevan más de un mes sin conectar?",
        "Nos gustaría recuperar los que no se usan.",
    ),
    (
        "Coste de añadir el bloque de conformidad",
        "¿Qué implicaría en plazos y en horas de puesta en marcha?",
    ),
    (
        "¿Se puede dar acceso al portal a otra persona?",
        "La interlocutora actual estará de permiso en verano.",
    ),
)
INCIDENTS = (
    (
        IncidentCategory.MAIL,
        "No entra el correo en los iPhone de Comercial",
        "Desde esta mañana pide la contraseña una y otra vez. El webmail funciona.",
    ),
    (
        IncidentCategory.CONNECTIVITY,
        "La VPN se corta cada pocos minutos",
        "Ocurre con datos móviles; por wifi se mantiene.",
    ),
    (
        IncidentCategory.APPLICATION,
        "Terminales Zebra que no sincronizan",
        "Tres lectores del muelle 4 no reciben pedidos desde las 7:30.",
    ),
    (
        IncidentCategory.APPLICATION,
        "La aplicación de partes se cierra sola",
        "Tras la última actualización se cierra al abrir la cámara.",
    ),
    (
        IncidentCategory.ACCESS,
        "Un terminal no acepta el código de desbloqueo",
        "El usuario asegura que es el correcto; está en ruta y no puede trabajar.",
    ),
    (
        IncidentCategory.CONNECTIVITY,
        "Wifi de la sede: no conecta ninguna tableta",
        "Los portátiles sí. Creemos que es el certificado.",
    ),
    (
        IncidentCategory.HARDWARE,
        "Batería que se agota en dos horas",
        "Modelo con un año de uso; empieza después de instalar el cliente.",
    ),
    (
        IncidentCategory.ENROLMENT,
        "El alta de una tableta se queda a medias",
        "Llega hasta la pantalla de la empresa y no pasa de ahí.",
    ),
    (
        IncidentCategory.CONFORMITY,
        "Un terminal figura como no conforme sin motivo",
        "Tiene código y está cifrado; aun así no recibe el wifi de la empresa.",
    ),
    (
        IncidentCategory.SERVICE,
        "El portal tarda mucho en abrir la lista de terminales",
        "Desde ayer por la tarde, con cualquier navegador.",
    ),
)
ANSWERS = (
    "Buenos días. Lo tenemos y nos ponemos con ello ahora mismo.",
    "Recibido. Revisamos la configuración del grupo y le decimos algo en breve.",
    "Gracias por el aviso. Estamos comprobándolo con los registros del servicio.",
    "Hemos reproducido el problema. En cuanto tengamos la causa se lo contamos.",
)
QUESTIONS = (
    "¿Nos puede confirmar la hora a la que ocurrió y si el terminal tenía cobertura?",
    "Para seguir necesitamos el número de serie de uno de los terminales afectados.",
    "¿Afecta también a los usuarios que se conectan por wifi?",
)
REPLIES = (
    "Sí, sobre las 9:15, con cobertura normal. Les adjunto el dato en cuanto lo tenga.",
    "Es el que figura en la petición; el usuario lo tiene delante si hace falta probar.",
    "Solo con datos móviles. Por wifi va bien.",
)
THIRD_PARTIES = (
    "Hemos abierto el caso con el fabricante; le avisamos en cuanto nos conteste.",
    "Depende de la operadora de la línea: reclamada la reactivación, seguimos su plazo.",
    "El proveedor de la aplicación está publicando una corrección; esperamos su versión.",
)
PLANS = (
    "Según lo hablado, lo hacemos en la fecha acordada, fuera del turno de mañana.",
    "Queda planificado para el día que nos indica, cuando los equipos estén en la sede.",
)
SOLUTIONS = (
    "Hemos vuelto a publicar el perfil y el terminal ya lo aplica. Puede comprobarlo cuando quiera.",
    "Era el certificado intermedio, caducado esta noche. Renovado y distribuido al grupo.",
    "Resuelto reiniciando la sincronización del servicio; queda en observación hasta mañana.",
    "Le dejamos aquí la respuesta completa y quedamos a su disposición para lo que necesite.",
)
NOTES = (
    "Mirar si es el mismo caso que el de la semana pasada con este modelo.",
    "Hablado con segundo nivel: confirman que es del perfil, no del terminal.",
    "Ojo: este grupo tiene terminales personales, no ampliar la orden.",
)
REOPENINGS = (
    "Ha vuelto a pasar esta mañana con el mismo terminal.",
    "Sigue sin funcionar en dos de los tres terminales.",
)
THANKS = ("Rápido y claro, gracias.", "Todo correcto.", "Bien, aunque tardó en arrancar.", "")
COMPLAINTS = (
    "Está resuelto, pero tuvimos que llamar dos veces para saber cómo iba.",
    "Funciona, aunque nadie avisó de que el terminal se reiniciaría en plena ruta.",
    "Correcto al final; tardó más de lo que nos dijeron.",
)
CAUSES = (
    (Cause.WORKLOAD, "Coincidió con la renovación de terminales de otra sede y entró en cola."),
    (Cause.WRONG_QUEUE, "Se clasificó como consulta y Soporte no lo vio hasta el día siguiente."),
    (Cause.MISSING_INFORMATION, "Faltaba el número de serie y lo pedimos tarde."),
    (Cause.THIRD_PARTY, "El fabricante contestó al tercer aviso; el caso queda reclamado."),
    (Cause.DEVICE_UNREACHABLE, "El terminal estuvo apagado y no insistimos con el usuario."),
    (
        Cause.ENGINE_OR_PLATFORM,
        "La plataforma no aplicaba perfiles esa mañana; hay aviso publicado.",
    ),
    (Cause.PLANNING_ERROR, "Se planificó para un festivo local de la sede."),
)
